//! The machine that a contest runs on, as far as a reader of its figures wants to know: processor, memory, disk, system. Read
//! from /proc and /sys; what cannot be told is said so.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The processor's name, and the number of cores that this process may use.
pub(super) fn processor() -> (String, usize) {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    let name = name.map_or("processor of unknown name", |(_, name)| name.trim()).to_owned();
    (name, std::thread::available_parallelism().map_or(1, usize::from))
}

/// The machine's memory, 0 where it cannot be told.
pub(super) fn memory_bytes() -> u64 {
    let info = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total = info.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or_default();
    total.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) * 1024
}

/// Kernel and architecture.
pub(super) fn system() -> String {
    let name = rustix::system::uname();
    let part = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    format!("{} {} {}", part(name.sysname()), part(name.release()), part(name.machine()))
}

/// The file system that a folder lies on, and the kind of disk below, as in `ext4 on nvme0n1 (no rotation)`.
pub(super) fn disk(folder: &Path) -> String {
    let Ok(meta) = fs::metadata(folder) else { return "disk of unknown kind".into() };
    let device = format!("{}:{}", rustix::fs::major(meta.dev()), rustix::fs::minor(meta.dev()));
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let file_system = file_system(&mounts, &device).unwrap_or("file system of unknown kind");
    match block_device(&device) {
        Some(disk) => format!("{file_system} on {disk}"),
        None => file_system.to_owned(),
    }
}

/// The type of the file system on a device. A line of mountinfo (proc(5)) has the device third, and the type behind a lone
/// dash.
fn file_system<'a>(mounts: &'a str, device: &str) -> Option<&'a str> {
    let line = mounts.lines().find(|line| line.split(' ').nth(2) == Some(device))?;
    line.split_once(" - ")?.1.split(' ').next()
}

/// The disk's name, model and whether it turns; none where the device is none of its own, as in a container.
fn block_device(device: &str) -> Option<String> {
    let mut path = fs::canonicalize(format!("/sys/dev/block/{device}")).ok()?;
    if path.join("partition").exists() {
        path.pop();
    }
    let read = |name: &str| fs::read_to_string(path.join(name)).ok().map(|text| text.trim().to_owned());
    let name = path.file_name()?.to_string_lossy().into_owned();
    let turns = match read("queue/rotational").as_deref() {
        Some("0") => "no rotation",
        Some(_) => "rotating, as far as the system knows",
        None => "of unknown kind",
    };
    let model = read("device/model").map(|model| format!("{model}, ")).unwrap_or_default();
    Some(format!("{name} ({model}{turns})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_systems_are_found_by_device() {
        let mounts =
            "22 1 253:1 / / rw,noatime shared:1 - ext4 /dev/vda1 rw\n30 22 0:25 / /dev/shm rw - tmpfs tmpfs rw\n";
        assert_eq!(file_system(mounts, "253:1"), Some("ext4"));
        assert_eq!(file_system(mounts, "0:25"), Some("tmpfs"));
        assert_eq!(file_system(mounts, "8:1"), None);
    }

    #[test]
    fn this_machine_says_something_of_itself() {
        assert!(memory_bytes() > 1 << 20 && processor().1 > 0);
        assert!(!disk(Path::new("/tmp")).is_empty() && system().starts_with("Linux "));
    }
}
