//! `--first`: the tables that are wanted most are usable before the others are begun.
