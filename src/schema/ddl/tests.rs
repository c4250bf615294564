use super::*;
use proptest::prelude::*;

const ODD: &str = "CREATE TABLE `t``(` (
  `id` int NOT NULL AUTO_INCREMENT COMMENT 'it''s, \\' NOT NULL (',
  `a,b` int DEFAULT (json_object('x',')')) /*!80023 INVISIBLE */,
  `u` int NOT NULL,
  `v` int GENERATED ALWAYS AS ((`u` + 1)) VIRTUAL NOT NULL,
  UNIQUE KEY `v` (`v`),
  UNIQUE KEY `uu` (`u` DESC),
  UNIQUE KEY `ab` (`a,b`),
  KEY `f` ((`u` + 1)),
  KEY `id` (`id`,`u`) COMMENT 'k, (',
  SPATIAL KEY `s` (`g`),
  KEY `p` (`c`(10)),
  FULLTEXT KEY `ft` (`c`) /*!50100 WITH PARSER `ngram` */ ,
  FULLTEXT KEY `fu` (`d`),
  CONSTRAINT `x``y` FOREIGN KEY (`u`) REFERENCES `o.x`.`t` (`id`),
  CONSTRAINT `c` CHECK ((`u` <> _utf8mb4') FOREIGN KEY ')) /*!80016 NOT ENFORCED */
) ENGINE=InnoDB COMMENT=') ENGINE=MyISAM'
/*!50100 PARTITION BY HASH (`u`) PARTITIONS 3 */";

fn names(cut: &Cut) -> Vec<Vec<&str>> {
    cut.index_steps().iter().map(|step| step.add.iter().map(|index| index.name.as_str()).collect()).collect()
}

#[test]
fn an_odd_table_is_cut() {
    let cut = cut(ODD.as_bytes()).unwrap();
    let bare = String::from_utf8(cut.bare.clone()).unwrap();
    assert!(bare.contains("UNIQUE KEY `uu` (`u` DESC)"), "{bare}");
    assert!(bare.contains("CHECK ((`u` <> _utf8mb4') FOREIGN KEY ')) /*!80016 NOT ENFORCED */"), "{bare}");
    assert!(bare.contains(",\n  KEY `myriad_auto_increment` (`id`)\n) ENGINE=InnoDB"), "{bare}");
    assert!(bare.ends_with("PARTITIONS 3 */"));
    assert!(!bare.contains("FULLTEXT") && !bare.contains("REFERENCES") && !bare.contains("`ab` ("), "{bare}");
    assert_eq!(names(&cut), [vec!["ft"], vec!["fu"], vec!["v", "ab"], vec!["f"], vec!["id"], vec!["s"], vec!["p"]]);
    assert_eq!(cut.index_steps()[6].drop, Some("myriad_auto_increment"));
    assert_eq!(cut.foreign_keys[0].name, "x`y");
    assert_eq!(cut.late_indexes[3].definition, b"KEY `id` (`id`,`u`) COMMENT 'k, ('");
}

#[test]
fn what_stays_in_the_bare_table() {
    let check = |create: &str, bare: &str, temporary: Option<&str>| {
        let cut = cut(create.as_bytes()).unwrap();
        assert_eq!(String::from_utf8_lossy(&cut.bare), bare);
        assert_eq!(cut.temporary_index.as_deref(), temporary);
    };
    check("CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB", "CREATE TABLE `t` (\n  `a` int\n) ENGINE=InnoDB", None);
    check(
        "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  PRIMARY KEY (`a`),\n  UNIQUE KEY `b` (`b`)\n) ENGINE=InnoDB",
        "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  PRIMARY KEY (`a`)\n) ENGINE=InnoDB",
        None,
    );
    // A prefix and a nullable column do not make a clustered key.
    check(
        "CREATE TABLE `t` (\n  `a` text NOT NULL,\n  `b` int,\n  UNIQUE KEY `a` (`a`(9)),\n  UNIQUE KEY `b` (`b`)\n) \
             ENGINE=InnoDB",
        "CREATE TABLE `t` (\n  `a` text NOT NULL,\n  `b` int\n) ENGINE=InnoDB",
        None,
    );
    // Other engines keep their indexes; only foreign keys come late.
    let myisam = "CREATE TABLE `t` (\n  `a` int,\n  KEY `a` (`a`)\n) ENGINE=MyISAM";
    check(myisam, myisam, None);
    // The explicit index of this name must be there before the first FULLTEXT index.
    check(
        "CREATE TABLE `t` (\n  `FTS_DOC_ID` bigint NOT NULL,\n  PRIMARY KEY (`FTS_DOC_ID`),\n  UNIQUE KEY \
             `FTS_DOC_ID_INDEX` (`FTS_DOC_ID`),\n  FULLTEXT KEY `f` (`a`)\n) ENGINE=InnoDB",
        "CREATE TABLE `t` (\n  `FTS_DOC_ID` bigint NOT NULL,\n  PRIMARY KEY (`FTS_DOC_ID`),\n  UNIQUE KEY \
             `FTS_DOC_ID_INDEX` (`FTS_DOC_ID`)\n) ENGINE=InnoDB",
        None,
    );
    check(
        "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `i``d` int NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`a`),\n  KEY \
             `MYRIAD_auto_increment` (`i``d`)\n) ENGINE=InnoDB",
        "CREATE TABLE `t` (\n  `a` int NOT NULL,\n  `i``d` int NOT NULL AUTO_INCREMENT,\n  PRIMARY KEY (`a`),\n  KEY \
             `myriad_auto_increment_` (`i``d`)\n) ENGINE=InnoDB",
        Some("myriad_auto_increment_"),
    );
}

#[test]
fn one_thing_is_changed() {
    let renamed = with_name(b"CREATE TABLE `a``b` (`x` int)", "c`d").unwrap();
    assert_eq!(renamed, b"CREATE TABLE `c``d` (`x` int)");
    let to = |schema: &str| (schema == "o`x").then(|| "n`w".to_owned());
    let check = |definition: &str, expected: &str| {
        assert_eq!(String::from_utf8_lossy(&rename_schema_in_foreign_key(definition.as_bytes(), &to)), expected);
    };
    check(
        "CONSTRAINT ` REFERENCES ` FOREIGN KEY (`a`) REFERENCES `o``x`.`t` (`b`)",
        "CONSTRAINT ` REFERENCES ` FOREIGN KEY (`a`) REFERENCES `n``w`.`t` (`b`)",
    );
    check("FOREIGN KEY (`a`) REFERENCES `o``x` (`b`)", "FOREIGN KEY (`a`) REFERENCES `o``x` (`b`)");
    check("FOREIGN KEY (`a`) REFERENCES `other`.`t` (`b`)", "FOREIGN KEY (`a`) REFERENCES `other`.`t` (`b`)");
}

#[test]
fn sequences_of_defaults_follow_their_schema() {
    let to = |schema: &str| (schema == "o`x").then(|| "n`w".to_owned());
    let create = "CREATE TABLE `t` (`nextval(` bigint DEFAULT nextval(`o``x`.`s`) COMMENT 'nextval(`o``x`.`s`)', \
                  `b` int DEFAULT (1 + lastval(`o``x`.`s`) + nextval(`other`.`s`)))";
    let expected = "CREATE TABLE `t` (`nextval(` bigint DEFAULT nextval(`n``w`.`s`) COMMENT 'nextval(`o``x`.`s`)', \
                    `b` int DEFAULT (1 + lastval(`n``w`.`s`) + nextval(`other`.`s`)))";
    assert_eq!(String::from_utf8_lossy(&rename_schema_of_sequences(create.as_bytes(), &to)), expected);
    // A text that ends with the word.
    assert_eq!(rename_schema_of_sequences(b"`a` nextval", &to), b"`a` nextval");
}

#[test]
fn placement_is_taken_out() {
    let check = |create: &str, expected: Option<&str>| {
        let changed = without_placement(create.as_bytes()).unwrap();
        assert_eq!(changed.as_deref().map(String::from_utf8_lossy).as_deref(), expected);
    };
    check(
        "CREATE TABLE `t` (`a` int COMMENT ' TABLESPACE `x`') /*!50100 TABLESPACE `ts1` */ ENGINE=InnoDB COMMENT=' \
             TABLESPACE `x`'",
        Some(
            "CREATE TABLE `t` (`a` int COMMENT ' TABLESPACE `x`') /*!50100 */ ENGINE=InnoDB COMMENT=' TABLESPACE `x`'",
        ),
    );
    check(
        "CREATE TABLE `t` (`a` int) ENGINE=InnoDB\n/*!50100 PARTITION BY RANGE (`a`)\n(PARTITION p VALUES LESS THAN \
             (3) TABLESPACE = `ts1` DATA DIRECTORY = '/x it''s' ENGINE = InnoDB) */",
        Some(
            "CREATE TABLE `t` (`a` int) ENGINE=InnoDB\n/*!50100 PARTITION BY RANGE (`a`)\n(PARTITION p VALUES LESS \
             THAN (3) ENGINE = InnoDB) */",
        ),
    );
    check("CREATE TABLE `t` (`a` int) /*!50100 TABLESPACE `innodb_file_per_table` */ ENGINE=InnoDB", None);
}

#[test]
fn an_unfinished_text_is_an_error() {
    assert_eq!(cut(b"CREATE TABLE `t").unwrap_err(), DdlError::Unfinished("a quoted name"));
    assert_eq!(cut(b"CREATE TABLE `t` (`a` int DEFAULT 'x").unwrap_err(), DdlError::Unfinished("a string"));
    assert_eq!(cut(b"CREATE TABLE `t` (`a` int").unwrap_err(), DdlError::Unfinished("parentheses"));
    assert_eq!(cut(b"CREATE TABLE `t` LIKE `u`").unwrap_err(), DdlError::NoTable);
}

/// Pieces that texts are made of, so that random ones reach the interesting places.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let pieces = [
        "CREATE TABLE `t` (",
        "`",
        "``",
        "'",
        "''",
        "\\",
        "\"",
        "(",
        ")",
        ",",
        "\n  ",
        "`a` int NOT NULL",
        " AUTO_INCREMENT",
        "PRIMARY KEY (`a`)",
        "UNIQUE KEY `u` (`a`)",
        "KEY `k` (`a`,`b`(3))",
        "KEY ((1))",
        "FULLTEXT KEY `f` (`a`)",
        "SPATIAL KEY `s` (`a`)",
        "CONSTRAINT `c` FOREIGN KEY (`a`) REFERENCES `s`.`t` (`a`)",
        " REFERENCES ",
        "/*!",
        "/*",
        "*/",
        " TABLESPACE `x`",
        " DATA DIRECTORY = 'y'",
        " DEFAULT nextval(`s`.`q`)",
        "nextval",
        ") ENGINE=InnoDB",
        "\u{e4}",
    ];
    let piece = prop_oneof![
        8 => proptest::sample::select(pieces.to_vec()).prop_map(|piece| piece.as_bytes().to_vec()),
        1 => proptest::collection::vec(any::<u8>(), 1..4),
    ];
    proptest::collection::vec(piece, 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn parts_come_together_again(text in text()) {
        if let Ok(parts) = parts(&text) {
            prop_assert_eq!(parts.assemble(), text);
        }
    }

    #[test]
    fn nothing_panics_and_nothing_is_lost(text in text()) {
        let parts = parts(&text);
        if let Ok(cut) = cut(&text) {
            let items = parts.unwrap().items.len();
            let bare = super::parts(&cut.bare).map(|parts| parts.items.len());
            let late = cut.late_indexes.len() + cut.foreign_keys.len();
            if late < items {
                prop_assert_eq!(bare.unwrap() + late, items + usize::from(cut.temporary_index.is_some()));
            }
            let built: usize = cut.index_steps().iter().map(|step| step.add.len()).sum();
            prop_assert_eq!(built, cut.late_indexes.len());
        }
        let _ = without_placement(&text);
        let _ = with_name(&text, "n`");
        let _ = rename_schema_in_foreign_key(&text, &|_| Some("x".into()));
        let _ = rename_schema_of_sequences(&text, &|_| Some("x".into()));
    }

    #[test]
    fn names_with_any_bytes_come_back(name in "[^\u{0}]{1,20}") {
        let quoted = super::super::quote(&name);
        let create =
            format!("CREATE TABLE {quoted} ({quoted} int,\n  UNIQUE KEY {quoted} ({quoted})\n) ENGINE=InnoDB");
        let cut = cut(create.as_bytes()).unwrap();
        prop_assert_eq!(&cut.late_indexes[0].name, &name);
        prop_assert_eq!(with_name(create.as_bytes(), &name).unwrap(), create.as_bytes());
    }
}
