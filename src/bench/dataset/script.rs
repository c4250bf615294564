//! SQL scripts as the mysql client reads them: cut into statements at the delimiter, which a `DELIMITER` line changes. In:
//! the text of a script. Out: its statements in order, each with the servers that know it. Nothing is executed here.

/// Servers that know a statement; a line `-- only: mysql`, `-- only: mariadb` or `-- only: all` says it for those that follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Servers {
    /// Every server.
    All,
    /// MySQL alone.
    Mysql,
    /// MariaDB alone.
    Mariadb,
}

/// One statement of a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Who knows it.
    pub servers: Servers,
    /// The line it begins on, from 1.
    pub line: usize,
    /// Its text without delimiter.
    pub sql: String,
}

/// Cuts a script. Comments before a statement are left out, those inside it are part of it.
pub fn statements(script: &str) -> Vec<Statement> {
    let mut reader = Reader { rest: script, line: 1, delimiter: ";".to_owned(), backslash_escapes: true };
    let mut servers = Servers::All;
    let mut found = Vec::new();
    loop {
        reader.skip_blank();
        if reader.rest.is_empty() {
            return found;
        }
        if let Some(comment) = reader.whole_line_comment() {
            servers = match comment.trim_start_matches('-').trim() {
                "only: mysql" => Servers::Mysql,
                "only: mariadb" => Servers::Mariadb,
                "only: all" => Servers::All,
                _ => servers,
            };
        } else if let Some(delimiter) = reader.delimiter_line() {
            reader.delimiter = delimiter;
        } else {
            let line = reader.line;
            let sql = reader.statement();
            if sql.starts_with("SET sql_mode") {
                reader.backslash_escapes = !sql.contains("NO_BACKSLASH_ESCAPES");
            }
            found.push(Statement { servers, line, sql });
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    line: usize,
    delimiter: String,
    /// Follows the script's own `SET sql_mode`, as the client follows the server's status.
    backslash_escapes: bool,
}

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.line += taken.matches('\n').count();
        self.rest = rest;
        taken
    }

    fn skip_blank(&mut self) {
        self.take(self.rest.len() - self.rest.trim_start().len());
    }

    fn take_line(&mut self) -> &'a str {
        self.take(self.rest.find('\n').unwrap_or(self.rest.len()))
    }

    fn whole_line_comment(&mut self) -> Option<&'a str> {
        let is_comment = self.rest.starts_with("-- ") || self.rest.starts_with("--\n");
        is_comment.then(|| self.take_line())
    }

    fn delimiter_line(&mut self) -> Option<String> {
        self.rest.starts_with("DELIMITER ").then(|| self.take_line()["DELIMITER ".len()..].trim().to_owned())
    }

    /// Everything up to the delimiter that stands outside quotes and comments.
    fn statement(&mut self) -> String {
        let mut length = 0;
        while let Some(next) = self.rest[length..].chars().next() {
            let rest = &self.rest[length..];
            if rest.starts_with(&self.delimiter) {
                break;
            }
            length += match next {
                '\'' | '"' | '`' => quoted_bytes(rest, next, self.backslash_escapes && next != '`'),
                '#' => rest.find('\n').unwrap_or(rest.len()),
                '-' if rest.starts_with("-- ") => rest.find('\n').unwrap_or(rest.len()),
                '/' if rest.starts_with("/*") => rest.find("*/").map_or(rest.len(), |end| end + 2),
                other => other.len_utf8(),
            };
        }
        let sql = self.take(length).trim_end().to_owned();
        self.take(self.delimiter.len().min(self.rest.len()));
        sql
    }
}

/// Bytes of the quoted text that `text` begins with. A doubled quote is read as two texts, which comes to the same.
fn quoted_bytes(text: &str, quote: char, escapes: bool) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' if escapes => escaped = true,
            c if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(script: &str) -> Vec<String> {
        statements(script).into_iter().map(|statement| statement.sql).collect()
    }

    #[test]
    fn delimiters_in_quotes_and_comments_do_not_cut() {
        assert_eq!(
            texts("SELECT ';', \"\\\";\", `;``;` /* ; */; -- x;\nSELECT 2 # ;\n;"),
            ["SELECT ';', \"\\\";\", `;``;` /* ; */", "SELECT 2 # ;"]
        );
        assert_eq!(texts("DELIMITER //\nBEGIN a; b; END//\nDELIMITER ;\nc;"), ["BEGIN a; b; END", "c"]);
        assert_eq!(texts("SELECT 'it''s;'; x"), ["SELECT 'it''s;'", "x"]);
    }

    #[test]
    fn a_backslash_escapes_only_where_the_mode_says_so() {
        assert_eq!(texts("SELECT '\\';';"), ["SELECT '\\';'"]);
        let script = "SET sql_mode = 'NO_BACKSLASH_ESCAPES'; SELECT '\\'; SET sql_mode = ''; SELECT '\\';';";
        assert_eq!(texts(script)[1..], ["SELECT '\\'", "SET sql_mode = ''", "SELECT '\\';'"]);
    }

    #[test]
    fn a_line_says_which_servers_know_what_follows() {
        let script = "a;\n-- only: mysql\nb;\n-- a word\nc;\n-- only: all\nd;";
        let known: Vec<_> = statements(script).into_iter().map(|s| (s.servers, s.line)).collect();
        assert_eq!(known, [(Servers::All, 1), (Servers::Mysql, 3), (Servers::Mysql, 5), (Servers::All, 7)]);
    }
}
