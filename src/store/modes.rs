//! Whom the files of a repository in a folder are for: rows, definitions and password hashes are in them, so they are the
//! owner's alone, whatever the umask. An administrator who sets the set-group-id bit of the repository's folder
//! (`chmod 2750`, `chmod 2770`) gives them to its group, as far as the folder itself is the group's. Others get nothing.
//! What exists keeps its mode.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

/// Set-group-id: what is made in the folder is its group's.
const SET_GROUP_ID: u32 = 0o2000;

/// Modes of what is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Modes {
    file: u32,
    folder: u32,
}

impl Modes {
    /// The owner alone.
    pub(super) const OWNER: Modes = Modes { file: 0o600, folder: 0o700 };

    /// Modes below a repository's folder.
    pub(super) fn below(root: &Path) -> io::Result<Modes> {
        let mode = std::fs::metadata(root)?.mode();
        let group = if mode & SET_GROUP_ID == 0 { 0 } else { mode & 0o070 };
        Ok(Modes { file: Modes::OWNER.file | group & 0o060, folder: Modes::OWNER.folder | group })
    }

    /// Makes a file that was not there.
    pub(super) fn new_file(self, path: &Path) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).mode(self.file).open(path)
    }

    /// Makes a folder; one that is there stays as it is.
    pub(super) fn make_folder(self, folder: &Path) -> io::Result<()> {
        match DirBuilder::new().mode(self.folder).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => Ok(()),
            made => made,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn the_owner_alone_unless_the_folder_is_given_to_its_group() {
        let root = tempfile::tempdir().unwrap();
        let mode = |path: &Path| path.metadata().unwrap().mode() & 0o777;
        for (n, (of_root, file, folder)) in
            [(0o755, 0o600, 0o700), (0o777, 0o600, 0o700), (0o2700, 0o600, 0o700), (0o2750, 0o640, 0o750)]
                .into_iter()
                .enumerate()
        {
            std::fs::set_permissions(root.path(), std::fs::Permissions::from_mode(of_root)).unwrap();
            let modes = Modes::below(root.path()).unwrap();
            let (a, b) = (root.path().join(format!("file{n}")), root.path().join(format!("folder{n}")));
            modes.new_file(&a).unwrap();
            modes.make_folder(&b).unwrap();
            assert_eq!((mode(&a), mode(&b)), (file, folder), "{of_root:o}");
            assert!(modes.new_file(&a).is_err() && modes.make_folder(&b).is_ok());
        }
    }
}
