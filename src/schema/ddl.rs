//! CREATE TABLE cut into the bare table and what comes late.
