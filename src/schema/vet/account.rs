//! A user or role: its statements name this account and no other, each is one statement, and none is of another kind than
//! SHOW CREATE USER and SHOW GRANTS print.

use super::text::{one_statement, quoted_length, trim_end, trim_start};
use crate::limits::ACCOUNT_NAME_CHARACTERS_MAX;
use crate::schema::account::AccountDefinition;
use crate::schema::account_text::{Grant, cut_default_roles};

/// The error says what is wrong; it repeats nothing of the statements, which hold password hashes.
pub fn account(definition: &AccountDefinition) -> Result<(), String> {
    let AccountDefinition { name, create, grants, second_password } = definition;
    let strange = |part: &str| part.contains('\0') || part.chars().count() > ACCOUNT_NAME_CHARACTERS_MAX;
    // Hosts are compared without regard to case and stored in lower case (MySQL manual, "Specifying Account Names").
    if strange(&name.user) || strange(&name.host) || name.host.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return Err("its name is none that a server makes".into());
    }
    let sql = name.sql().into_bytes();
    let cut = cut_default_roles(&create.0);
    let rest = cut.create.strip_prefix(b"CREATE USER ").and_then(|rest| rest.strip_prefix(sql.as_slice()));
    let rest = rest.filter(|rest| rest.first().is_none_or(|byte| *byte == b' '));
    let clauses = rest.ok_or("its statement is no CREATE USER of this name")?;
    clean(clauses)?;
    if commas(clauses) {
        return Err("its statement makes more than one account".into());
    }
    if cut.default_roles.is_some_and(|roles| !is_account_list(&roles)) {
        return Err("its default roles are no list of roles".into());
    }
    if second_password.as_ref().is_some_and(|hash| !hash.bytes().all(|byte| byte.is_ascii_hexdigit())) {
        return Err("its second password is no hash".into());
    }
    grants.iter().try_for_each(|line| grant(&line.0, &sql))
}

/// Neither comment nor end of statement outside quotes.
fn clean(text: &[u8]) -> Result<(), String> {
    one_statement(text)?;
    match outside_quotes(text, |rest| rest.starts_with(b"/*")) {
        true => Err("its statement holds a comment".into()),
        false => Ok(()),
    }
}

/// True where `found` is of the text from some place on that is outside quotes.
fn outside_quotes(text: &[u8], mut found: impl FnMut(&[u8]) -> bool) -> bool {
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if found(&text[at..]) {
            return true;
        }
        at += match byte {
            b'`' | b'\'' | b'"' => quoted_length(&text[at..]).unwrap_or(text.len() - at),
            _ => 1,
        };
    }
    false
}

fn commas(text: &[u8]) -> bool {
    outside_quotes(text, |rest| rest.starts_with(b","))
}

/// `` `role`@`host`,`role`@`host` ``, or NONE or ALL.
fn is_account_list(list: &[u8]) -> bool {
    if matches!(list, b"NONE" | b"ALL") {
        return true;
    }
    let mut rest = trim_end(trim_start(list));
    loop {
        for divider in [b'@', b','] {
            let Some(length) = quoted_length(rest).filter(|_| rest.first() == Some(&b'`')) else { return false };
            rest = trim_start(&rest[length..]);
            match rest.split_first() {
                None => return divider == b',',
                Some((byte, after)) if *byte == divider => rest = trim_start(after),
                Some(_) => return false,
            }
        }
    }
}

/// `GRANT ... TO account` or `REVOKE ... FROM account`, and nothing behind the account but an option that SHOW GRANTS prints.
fn grant(line: &[u8], account: &[u8]) -> Result<(), String> {
    clean(line)?;
    let grant = Grant::parse(line).ok_or("a line of its grants is neither GRANT nor REVOKE")?;
    let to = grant.receiver().strip_prefix(account).ok_or("a line of its grants is another account's")?;
    match to {
        b"" | b" WITH GRANT OPTION" | b" WITH ADMIN OPTION" => Ok(()),
        _ => Err("a line of its grants says more than SHOW GRANTS does".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{Account, SqlText};

    fn of(create: &str, grants: &[&str]) -> AccountDefinition {
        AccountDefinition {
            name: Account::new("u`x", "%"),
            create: SqlText::from(create),
            grants: grants.iter().map(|line| SqlText::from(*line)).collect(),
            second_password: None,
        }
    }

    const CREATE: &str = "CREATE USER `u``x`@`%` IDENTIFIED WITH 'caching_sha2_password' AS 0x24412430 DEFAULT ROLE `r`@`%`,`s`@`h` \
                          REQUIRE SUBJECT 'a;b, /* -- #' PASSWORD EXPIRE DEFAULT ACCOUNT UNLOCK ATTRIBUTE '{\"a\": \"b, c\"}'";

    #[test]
    fn what_servers_write_passes() {
        let grants = [
            "GRANT USAGE ON *.* TO `u``x`@`%`",
            "GRANT SELECT (`a`, `b`), INSERT ON `s`.`t` TO `u``x`@`%` WITH GRANT OPTION",
            "GRANT `r`@`%`,`s`@`h` TO `u``x`@`%` WITH ADMIN OPTION",
            "REVOKE SELECT ON `mysql`.* FROM `u``x`@`%`",
        ];
        assert_eq!(account(&of(CREATE, &grants)), Ok(()));
        assert_eq!(account(&of("CREATE USER `u``x`@`%`", &[])), Ok(()));
    }

    #[test]
    fn another_account_or_statement_does_not() {
        for create in [
            "CREATE USER `root`@`%` IDENTIFIED BY 'x'",
            "CREATE USER `u``x`@`%`, `evil`@`%`",
            "CREATE USER `u``x`@`%`; DROP USER a",
            "CREATE USER `u``x`@`%`x",
            "DROP USER `u``x`@`%`",
            "CREATE USER IF NOT EXISTS `u``x`@`%`",
            "CREATE USER `u``x`@`%` # ",
            "CREATE USER `u``x`@`%` /*!80000 , `evil`@`%` */",
            "CREATE USER `u``x`@`%` DEFAULT ROLE `r`@`%`; DROP USER a REQUIRE NONE",
            "CREATE USER `u``x`@`%` DEFAULT ROLE `r`@`%` ACCOUNT LOCK REQUIRE NONE",
            "CREATE USER `u``x`@`%` COMMENT 'x",
        ] {
            assert!(account(&of(create, &[])).is_err(), "{create}");
        }
        for line in [
            "GRANT ALL ON *.* TO `evil`@`%`",
            "GRANT ALL ON *.* TO `u``x`@`%`, `evil`@`%`",
            "DROP USER `u``x`@`%`",
            "GRANT ALL ON *.* TO `u``x`@`%`; DROP SCHEMA x",
            "GRANT ALL ON *.* TO `u``x`@`%` AS `root`@`localhost`",
            "GRANT ALL ON *.* TO `u``x`@`%` /*! , `evil`@`%` */",
            "GRANT ALL ON *.* TO `u``x`@`%` IDENTIFIED BY 'x'",
        ] {
            assert!(account(&of(CREATE, &[line])).is_err(), "{line}");
        }
        let second =
            AccountDefinition { second_password: Some("00 REQUIRE NONE; DROP USER a".into()), ..of(CREATE, &[]) };
        assert!(account(&second).is_err());
        let name = AccountDefinition { name: Account::new("a\0", "%"), ..of("CREATE USER `a\0`@`%`", &[]) };
        assert!(account(&name).is_err());
    }

    proptest::proptest! {
        #[test]
        fn nothing_panics(text in "[a`'@,;/*! ]{0,40}", bytes: Vec<u8>) {
            let _ = account(&of(&format!("CREATE USER `u``x`@`%`{text}"), &[&format!("GRANT x TO `u``x`@`%`{text}")]));
            let _ = account(&AccountDefinition { create: SqlText(bytes), ..of("", &[]) });
            is_account_list(text.as_bytes());
        }
    }
}
