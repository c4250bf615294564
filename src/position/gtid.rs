//! GTID sets and their arithmetic.
