//! `drill.toml`: what is wanted of a drill. In: the text of the file. Out: plain values, or an error that names the line.
//! What a key means is described in docs/drill.md; nothing here looks at the world.

use crate::command::units;
use crate::error::{Error, Exit};
use crate::plan::Filter;
use serde::{Deserialize, Deserializer};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The whole file.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrillConfig {
    /// The private server.
    pub server: ServerConfig,
    /// What a recovery may take and lose.
    pub budget: BudgetConfig,
    /// What is restored.
    pub restore: RestoreConfig,
    /// What is asked of the restored data.
    #[serde(rename = "assert")]
    pub assertions: Vec<Assertion>,
    /// What is compared with the last drill and with the source.
    pub check: CheckConfig,
    /// Who is told.
    pub notify: NotifyConfig,
}

/// `[server]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// The version that the server must have, or its beginning: `9.7` fits 9.7.4.
    pub version: Option<String>,
    /// mysqld to start.
    pub mysqld: Option<PathBuf>,
    /// mariadbd to start, for backups of MariaDB.
    pub mariadbd: Option<PathBuf>,
    /// Its buffer pool.
    #[serde(deserialize_with = "bytes")]
    pub memory: Option<u64>,
    /// Where its files lie meanwhile.
    pub folder: Option<PathBuf>,
    /// Further options of the server, as on its command line; they win over the drill's own.
    pub options: Vec<String>,
}

/// `[budget]`.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BudgetConfig {
    /// How long a recovery may take.
    #[serde(deserialize_with = "time")]
    pub rto: Option<Duration>,
    /// How old the snapshot may be when the drill begins.
    #[serde(deserialize_with = "time")]
    pub rpo: Option<Duration>,
}

/// `[restore]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RestoreConfig {
    /// Only schemas that match.
    pub schemas: Vec<String>,
    /// But not these.
    pub exclude_schemas: Vec<String>,
    /// Only tables that match, as `schema.table`.
    pub tables: Vec<String>,
    /// But not these.
    pub exclude_tables: Vec<String>,
    /// Only some of these tables, chosen by chance.
    pub sample: Option<Sample>,
    /// What chance begins with; another number each time where none is given.
    pub seed: Option<u64>,
    /// Users and roles are restored; where nothing is said, if the backup has them.
    pub users: Option<bool>,
    /// What it comes to that an account that defines objects is not in the backup.
    pub missing_definers: MissingDefiners,
    /// Views, routines, triggers and events (globs over `schema.name`) that may be missing or not answer.
    pub ignore_objects: Vec<String>,
}

/// How much of the data a sample holds.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum Sample {
    /// Bytes of row text.
    Bytes(u64),
    /// Percent of the bytes of row text.
    Percent(f64),
}

impl TryFrom<String> for Sample {
    type Error = String;

    fn try_from(text: String) -> Result<Sample, String> {
        match text.ends_with('%') {
            true => match units::percent(&text)? {
                share if share > 0.0 && share <= 100.0 => Ok(Sample::Percent(share)),
                _ => Err(format!("{text:?} is no sample: more than 0% and at most 100% is wanted")),
            },
            false => units::bytes_above_zero(&text).map(Sample::Bytes),
        }
    }
}

/// `missing_definers`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MissingDefiners {
    /// The backup is restored, but not proved.
    #[default]
    Fail,
    /// A note: the accounts come from elsewhere.
    Note,
}

/// `[check]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CheckConfig {
    /// By how many percent the rows of a table may differ from those at the last drill.
    #[serde(deserialize_with = "percent")]
    pub row_change: Option<f64>,
    /// Changes by fewer rows than this are not judged, but where a table is empty now.
    pub row_change_ignored: u64,
    /// The same for some tables; the first that matches counts.
    #[serde(rename = "table")]
    pub tables: Vec<TableCheck>,
    /// Every table of the last drill is there.
    pub no_table_vanished: bool,
    /// Tables (globs) whose rows must be the same on the live source.
    pub checksum: Vec<String>,
    /// The live source: `mysql://user@host:3306`.
    pub against: Option<String>,
    /// Its password, in the first line of this file.
    pub against_password_file: Option<PathBuf>,
}

/// `[[check.table]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableCheck {
    /// A glob over `schema.table`.
    pub name: String,
    /// As in `[check]`, or `any`.
    pub row_change: RowChange,
}

/// How much a table may change.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize)]
#[serde(try_from = "String")]
pub enum RowChange {
    /// Percent.
    Percent(f64),
    /// As it likes.
    Any,
}

impl TryFrom<String> for RowChange {
    type Error = String;

    fn try_from(text: String) -> Result<RowChange, String> {
        match text.as_str() {
            "any" => Ok(RowChange::Any),
            text => units::percent(text).map(RowChange::Percent),
        }
    }
}

/// `[notify]`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct NotifyConfig {
    /// A program and its arguments; it gets the record on standard input.
    pub command: Vec<String>,
    /// An address that the record is posted to.
    pub webhook: Option<String>,
    /// When they are told.
    pub when: NotifyWhen,
}

/// `when`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotifyWhen {
    /// After each drill.
    #[default]
    Always,
    /// Where the verdict is not `proved`.
    Failure,
}

/// `[[assert]]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "RawAssertion")]
pub struct Assertion {
    /// Its name in reports.
    pub name: String,
    /// The statement; the first column of its first row counts, but for `rows_equal`.
    pub sql: String,
    /// What must come back.
    pub expectation: Expectation,
    /// How long it may take.
    pub timeout: Option<Duration>,
}

/// What an assertion wants.
#[derive(Clone, Debug, PartialEq)]
pub enum Expectation {
    /// This value.
    Equals(Scalar),
    /// A number from the first to the second.
    Between(f64, f64),
    /// This number or more.
    AtLeast(f64),
    /// This number or less.
    AtMost(f64),
    /// A time not longer ago than this, counted back from the snapshot, or from now.
    MaxAge {
        /// The age.
        age: Duration,
        /// Counted from the moment of the drill.
        from_now: bool,
    },
    /// These rows, in this order.
    RowsEqual(Vec<Vec<Scalar>>),
}

/// A value as TOML has it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Scalar {
    /// `true` is 1 in SQL.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAssertion {
    name: String,
    sql: String,
    equals: Option<Scalar>,
    between: Option<[f64; 2]>,
    at_least: Option<f64>,
    at_most: Option<f64>,
    #[serde(default, deserialize_with = "time")]
    max_age: Option<Duration>,
    age_from: Option<AgeFrom>,
    rows_equal: Option<Vec<Vec<Scalar>>>,
    #[serde(default, deserialize_with = "time")]
    timeout: Option<Duration>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum AgeFrom {
    Snapshot,
    Now,
}

impl TryFrom<RawAssertion> for Assertion {
    type Error = String;

    fn try_from(raw: RawAssertion) -> Result<Assertion, String> {
        let from_now = raw.age_from == Some(AgeFrom::Now);
        if raw.age_from.is_some() && raw.max_age.is_none() {
            return Err(format!("assertion {:?} has age_from, which only goes with max_age", raw.name));
        }
        if let Some([from, to]) = raw.between.filter(|[from, to]| from > to) {
            return Err(format!("assertion {:?} has between = [{from}, {to}], which no number is", raw.name));
        }
        let wanted = [
            raw.equals.map(Expectation::Equals),
            raw.between.map(|[from, to]| Expectation::Between(from, to)),
            raw.at_least.map(Expectation::AtLeast),
            raw.at_most.map(Expectation::AtMost),
            raw.max_age.map(|age| Expectation::MaxAge { age, from_now }),
            raw.rows_equal.map(Expectation::RowsEqual),
        ];
        let mut wanted = wanted.into_iter().flatten();
        match (wanted.next(), wanted.next()) {
            (Some(_), None) if raw.sql.trim().is_empty() => Err(format!("assertion {:?} has no sql", raw.name)),
            (Some(expectation), None) => {
                Ok(Assertion { name: raw.name, sql: raw.sql, expectation, timeout: raw.timeout })
            }
            _ => Err(format!(
                "assertion {:?} wants exactly one of equals, between, at_least, at_most, max_age, rows_equal",
                raw.name
            )),
        }
    }
}

impl DrillConfig {
    /// Reads the text of a file. The error names the line.
    pub fn parse(text: &str, path: &Path) -> Result<DrillConfig, Error> {
        let config: DrillConfig = toml::from_str(text).map_err(|error| {
            let line = error.span().map(|span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            let line = line.map(|line| format!(" line {line}")).unwrap_or_default();
            let why = error.message().lines().collect::<Vec<_>>().join(" ");
            Error::new(Exit::Usage, format!("{}{line}: {why}", path.display()))
                .hint("docs/drill.md has a complete example")
        })?;
        config.check().map_err(|why| {
            Error::new(Exit::Usage, format!("{}: {why}", path.display())).hint("docs/drill.md has a complete example")
        })?;
        Ok(config)
    }

    /// What no single key shows.
    fn check(&self) -> Result<(), String> {
        let tables = self.check.tables.iter().map(|check| &check.name).chain(&self.restore.ignore_objects);
        for glob in tables.chain(&self.check.checksum) {
            globset::Glob::new(glob).map_err(|error| format!("{glob:?} is no pattern: {}", error.kind()))?;
        }
        let RestoreConfig { schemas, exclude_schemas, tables, exclude_tables, .. } = &self.restore;
        Filter::new(schemas, exclude_schemas, tables, exclude_tables).map_err(|error| error.to_string())?;
        if let Some(address) = &self.notify.webhook {
            // It may hold a token, and is not repeated.
            let scheme = url::Url::parse(address).ok().map(|url| url.scheme().to_owned());
            if !matches!(scheme.as_deref(), Some("http" | "https")) {
                return Err("webhook is no address: one that begins with https:// or http:// is wanted".into());
            }
        }
        match (&self.check.against, self.check.checksum.is_empty()) {
            (None, false) => Err("checksum names tables, but against names no server".into()),
            (Some(_), true) => Err("against names a server, but checksum names no tables".into()),
            _ => Ok(()),
        }
    }
}

fn time<'de, D: Deserializer<'de>>(input: D) -> Result<Option<Duration>, D::Error> {
    read(input, units::time)
}

fn percent<'de, D: Deserializer<'de>>(input: D) -> Result<Option<f64>, D::Error> {
    read(input, units::percent)
}

fn bytes<'de, D: Deserializer<'de>>(input: D) -> Result<Option<u64>, D::Error> {
    read(input, units::bytes_above_zero)
}

fn read<'de, D: Deserializer<'de>, T>(input: D, unit: fn(&str) -> Result<T, String>) -> Result<Option<T>, D::Error> {
    let text = String::deserialize(input)?;
    unit(&text).map(Some).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<DrillConfig, Error> {
        DrillConfig::parse(text, Path::new("drill.toml"))
    }

    #[test]
    fn what_is_wrong_is_named_with_its_line() {
        let cases = [
            ("[server]\nversoin = \"9.7\"\n", "drill.toml line 2: unknown field `versoin`"),
            ("\n[budget]\nrto = \"soon\"\n", "drill.toml line 3: \"soon\" is no time"),
            ("[budget]\nrto = 30\n", "drill.toml line 2: invalid type"),
            ("[restore]\nsample = \"5\"x\n", "drill.toml line 2: "),
            ("[restore]\nsample = \"lots\"\n", "drill.toml line 2: \"lots\" is no size"),
            ("[check]\nrow_change = \"ten\"\n", "drill.toml line 2: \"ten\" is no share"),
            ("[[assert]]\nname = \"a\"\nsql = \"SELECT 1\"\n", "assertion \"a\" wants exactly one of equals"),
            ("[[assert]]\nname = \"a\"\nsql = \"\"\nequals = 1\nat_most = 2\n", "wants exactly one"),
            ("[[assert]]\nname = \"a\"\nsql = \"\"\nequals = 1\nage_from = \"now\"\n", "only goes with max_age"),
            ("[check]\nchecksum = [\"shop.*\"]\n", "against names no server"),
            ("[check]\nagainst = \"mysql://db1\"\n", "checksum names no tables"),
            ("[restore]\nsample = \"0%\"\n", "drill.toml line 2: \"0%\" is no sample"),
            ("[restore]\nsample = \"150%\"\n", "is no sample"),
            ("[restore]\ntables = [\"[x\"]\n", "[x"),
            ("[[assert]]\nname = \"a\"\nsql = \"s\"\nbetween = [5, 1]\n", "which no number is"),
            ("[[assert]]\nname = \"a\"\nsql = \" \"\nequals = 1\n", "assertion \"a\" has no sql"),
            ("[notify]\nwebhook = \"nonsense\"\n", "webhook is no address"),
            ("[[check.table]]\nname = \"[\"\nrow_change = \"any\"\n", "\"[\" is no pattern"),
        ];
        for (text, words) in cases {
            let error = parse(text).expect_err(text);
            assert!(error.to_string().contains(words), "{text}: {error}");
            assert_eq!(error.exit(), Exit::Usage);
        }
        let line = parse("[budget]\nrpo = \"1h\"\n\n[[assert]]\nname = \"a\"\nsql = \"\"\n").expect_err("no kind");
        assert!(line.to_string().contains("drill.toml line 4: "), "{line}");
    }

    #[test]
    fn an_empty_file_asks_for_nothing_special() {
        let config = parse("").unwrap();
        assert!(config.assertions.is_empty() && config.restore.sample.is_none() && !config.check.no_table_vanished);
    }

    #[test]
    fn values_are_read() {
        let config = parse(
            "[restore]\nsample = \"5%\"\n[[check.table]]\nname = \"*.log\"\nrow_change = \"any\"\n\
             [[assert]]\nname = \"n\"\nsql = \"s\"\nbetween = [1, 2.5]\ntimeout = \"2m\"\n\
             [[assert]]\nname = \"r\"\nsql = \"s\"\nrows_equal = [[1, \"a\"], [2, true]]\n",
        )
        .unwrap();
        assert_eq!(config.restore.sample, Some(Sample::Percent(5.0)));
        assert_eq!(config.check.tables[0].row_change, RowChange::Any);
        assert_eq!(config.assertions[0].expectation, Expectation::Between(1.0, 2.5));
        assert_eq!(config.assertions[0].timeout, Some(Duration::from_secs(120)));
        let row = |n, other| vec![Scalar::Integer(n), other];
        let rows = vec![row(1, Scalar::Text("a".into())), row(2, Scalar::Bool(true))];
        assert_eq!(config.assertions[1].expectation, Expectation::RowsEqual(rows));
    }
}
