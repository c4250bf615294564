//! The servers that this program was run on. docs/verified-servers.md says what was run there and when; a test holds the
//! two lists equal. Comes in: who a server is. Goes out: a line for the log where it is none of them.

use super::facts::{Flavor, ServerFacts, VersionNumber};

/// Family and version of each server that tests ran on. Releases of one series (9.7, 10.11) count as one server.
pub const VERIFIED: [(Flavor, VersionNumber); 2] =
    [(Flavor::Mysql, VersionNumber(9, 7, 4)), (Flavor::Mariadb, VersionNumber(10, 11, 18))];

/// What is to be said of a server that is of none of the series, none where it is of one.
pub fn unverified(facts: &ServerFacts) -> Option<String> {
    let series = |version: VersionNumber| (version.0, version.1);
    let same = |(flavor, version): &(Flavor, VersionNumber)| {
        *flavor == facts.flavor && series(*version) == series(facts.version_number)
    };
    if VERIFIED.iter().any(same) {
        return None;
    }
    let known: Vec<_> = VERIFIED.iter().map(|(flavor, version)| format!("{flavor} {version}")).collect();
    let (flavor, version) = (facts.flavor, &facts.version);
    Some(format!("{flavor} {version} is none of the servers that myriad was tested on ({})", known.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_counts_and_a_family_does_not() {
        let of = |flavor, version: &str| ServerFacts {
            flavor,
            version: version.into(),
            version_number: VersionNumber::parse(version),
            ..ServerFacts::default()
        };
        assert_eq!(unverified(&of(Flavor::Mysql, "9.7.9-debug")), None);
        assert_eq!(unverified(&of(Flavor::Mariadb, "10.11.2-MariaDB")), None);
        for (flavor, version) in [(Flavor::Mysql, "8.4.6"), (Flavor::Percona, "9.7.4-1"), (Flavor::Mariadb, "11.4.1")] {
            let line = unverified(&of(flavor, version)).unwrap();
            assert!(line.contains(version) && line.contains("MySQL 9.7.4"), "{line}");
        }
    }

    /// The page's first table: `| MySQL 9.7.4 | …`, one line a server that something was run on.
    #[test]
    fn the_page_names_the_same_servers() {
        let page = include_str!("../../docs/verified-servers.md");
        let table = page.split("\n## ").nth(1).unwrap();
        let mut listed: Vec<&str> =
            table.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next()).collect();
        assert_eq!(listed.remove(0), "server");
        let known: Vec<_> = VERIFIED.iter().map(|(flavor, version)| format!("{flavor} {version}")).collect();
        assert_eq!(listed, known);
    }
}
