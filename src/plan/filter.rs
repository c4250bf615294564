//! Which schemas and tables a selection means: globs over `schema` and `schema.table`, includes first, then
//! excludes. Pure.

use crate::error::{Exit, Explain};
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A glob that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("{glob:?} is no pattern: {why}")]
pub struct BadGlob {
    /// As typed.
    pub glob: String,
    /// What is wrong.
    pub why: String,
}

impl Explain for BadGlob {
    fn exit(&self) -> Exit {
        Exit::Usage
    }

    fn hint(&self) -> Option<String> {
        Some("patterns are names with * ? [abc] {a,b}, tables as schema.table; a backslash takes the next character as it is".into())
    }
}

/// A compiled selection.
#[derive(Clone, Debug)]
pub struct Filter {
    databases: Option<GlobSet>,
    exclude_databases: GlobSet,
    tables: Option<GlobSet>,
    exclude_tables: GlobSet,
}

impl Filter {
    /// Compiles the four lists of globs; an empty include list means all.
    pub fn new(
        databases: &[String],
        exclude_databases: &[String],
        tables: &[String],
        exclude_tables: &[String],
    ) -> Result<Filter, BadGlob> {
        let some = |globs: &[String]| if globs.is_empty() { Ok(None) } else { compile(globs).map(Some) };
        Ok(Filter {
            databases: some(databases)?,
            exclude_databases: compile(exclude_databases)?,
            tables: some(tables)?,
            exclude_tables: compile(exclude_tables)?,
        })
    }

    /// True where the schema may hold something that is wanted.
    pub fn schema(&self, schema: &str) -> bool {
        // With --table alone any schema may hold a wanted table; the table decides.
        let included = self.databases.as_ref().is_none_or(|globs| globs.is_match(schema));
        included && !self.exclude_databases.is_match(schema)
    }

    /// True where the table (or view) is wanted.
    pub fn table(&self, schema: &str, table: &str) -> bool {
        let name = format!("{schema}.{table}");
        let included = self.tables.as_ref().is_none_or(|globs| globs.is_match(&name));
        self.schema(schema) && included && !self.exclude_tables.is_match(&name)
    }

    /// True where single tables were chosen: then routines and events, which belong to no table, are not meant.
    pub fn chooses_tables(&self) -> bool {
        self.tables.is_some()
    }
}

fn compile(globs: &[String]) -> Result<GlobSet, BadGlob> {
    let mut set = GlobSetBuilder::new();
    for glob in globs {
        let bad = |e: globset::Error| BadGlob { glob: glob.clone(), why: e.kind().to_string() };
        set.add(GlobBuilder::new(glob).literal_separator(false).backslash_escape(true).build().map_err(bad)?);
    }
    set.build().map_err(|e| BadGlob { glob: globs.join(" "), why: e.kind().to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(d: &[&str], xd: &[&str], t: &[&str], xt: &[&str]) -> Filter {
        let own = |list: &[&str]| list.iter().map(|s| s.to_string()).collect::<Vec<_>>();
        Filter::new(&own(d), &own(xd), &own(t), &own(xt)).unwrap()
    }

    #[test]
    fn selections() {
        let all = filter(&[], &[], &[], &[]);
        assert!(all.schema("a") && all.table("a", "b") && !all.chooses_tables());
        let shop = filter(&["shop*"], &["shop_test"], &[], &["*.log_?"]);
        assert!(shop.table("shop", "orders") && shop.table("shop2", "log_12"));
        assert!(!shop.schema("shop_test") && !shop.table("shop", "log_1") && !shop.table("other", "t"));
        let one = filter(&[], &[], &["shop.orders"], &[]);
        assert!(one.schema("shop") && one.table("shop", "orders") && !one.table("shop", "order"));
        assert!(one.chooses_tables());
        assert!(Filter::new(&["[".into()], &[], &[], &[]).is_err());
    }
}
