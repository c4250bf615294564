//! The shop's definitions: tables, and what comes after the rows (indexes, foreign keys, views, a function,
//! a procedure, triggers, an event).

/// The tables with their primary keys.
pub fn tables() -> Vec<String> {
    [
        "CREATE TABLE users (
           id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, email VARCHAR(120) NOT NULL, full_name VARCHAR(80) NOT NULL,
           phone VARCHAR(24), city VARCHAR(40) NOT NULL, country CHAR(2) CHARACTER SET ascii NOT NULL, birthday DATE,
           status ENUM('active','dormant','blocked') NOT NULL DEFAULT 'active', interests SET('music','sport','books','travel'),
           newsletter TINYINT(1) NOT NULL DEFAULT 0, created_at DATETIME NOT NULL, last_login TIMESTAMP(3) NULL,
           email_host VARCHAR(60) GENERATED ALWAYS AS (SUBSTRING_INDEX(email, '@', -1)) VIRTUAL
         ) ENGINE=InnoDB COMMENT='who buys'",
        "CREATE TABLE accounts (
           id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT UNSIGNED NOT NULL, iban CHAR(22) CHARACTER SET ascii NOT NULL,
           currency CHAR(3) CHARACTER SET ascii NOT NULL, balance DECIMAL(14,2) NOT NULL, opened_on DATE NOT NULL,
           changed_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP ON UPDATE CURRENT_TIMESTAMP
         ) ENGINE=InnoDB",
        "CREATE TABLE transfers (
           id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, from_account INT UNSIGNED NOT NULL, to_account INT UNSIGNED NOT NULL,
           amount DECIMAL(12,2) NOT NULL, reference VARCHAR(60) NOT NULL, made_at DATETIME(6) NOT NULL DEFAULT CURRENT_TIMESTAMP(6),
           CONSTRAINT amount_is_positive CHECK (amount > 0)
         ) ENGINE=InnoDB",
        "CREATE TABLE categories (id SMALLINT UNSIGNED NOT NULL PRIMARY KEY, parent_id SMALLINT UNSIGNED, name VARCHAR(40) NOT NULL)
         ENGINE=InnoDB",
        "CREATE TABLE products (
           id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, sku CHAR(12) CHARACTER SET ascii NOT NULL,
           category_id SMALLINT UNSIGNED NOT NULL, name VARCHAR(80) NOT NULL, description TEXT NOT NULL,
           price DECIMAL(10,2) NOT NULL, weight_grams MEDIUMINT UNSIGNED NOT NULL, rating FLOAT
         ) ENGINE=InnoDB",
        "CREATE TABLE orders (
           id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT UNSIGNED NOT NULL,
           status ENUM('open','paid','shipped','delivered','returned') NOT NULL, ordered_at DATETIME NOT NULL, shipped_at DATETIME,
           total DECIMAL(12,2) NOT NULL, note VARCHAR(200)
         ) ENGINE=InnoDB",
        "CREATE TABLE order_lines (
           order_id BIGINT UNSIGNED NOT NULL, line_no TINYINT UNSIGNED NOT NULL, product_id INT UNSIGNED NOT NULL,
           quantity SMALLINT UNSIGNED NOT NULL, unit_price DECIMAL(10,2) NOT NULL, discount DECIMAL(4,2) NOT NULL DEFAULT '0.00',
           amount DECIMAL(14,2) GENERATED ALWAYS AS (ROUND(quantity * unit_price * (100 - discount) / 100, 2)) STORED,
           PRIMARY KEY (order_id, line_no)
         ) ENGINE=InnoDB",
        "CREATE TABLE payments (
           id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, order_id BIGINT UNSIGNED NOT NULL, amount DECIMAL(12,2) NOT NULL,
           fee DECIMAL(11,4) NOT NULL, method ENUM('card','transfer','wallet','cash') NOT NULL, token BINARY(16) NOT NULL,
           paid_at DATETIME(6) NOT NULL
         ) ENGINE=InnoDB",
        "CREATE TABLE events (
           id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT UNSIGNED NOT NULL, kind VARCHAR(20) NOT NULL,
           payload JSON NOT NULL, happened_at DATETIME(3) NOT NULL
         ) ENGINE=InnoDB",
        "CREATE TABLE documents (
           id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, user_id INT UNSIGNED NOT NULL, title VARCHAR(120) NOT NULL,
           body TEXT NOT NULL, content MEDIUMBLOB NOT NULL, content_type VARCHAR(40) CHARACTER SET ascii NOT NULL
         ) ENGINE=InnoDB",
        "CREATE TABLE sessions (
           id CHAR(36) CHARACTER SET ascii NOT NULL PRIMARY KEY, user_id INT UNSIGNED NOT NULL, ip VARBINARY(16) NOT NULL,
           agent VARCHAR(160) NOT NULL, started_at DATETIME NOT NULL, seen_at DATETIME NOT NULL
         ) ENGINE=InnoDB",
        "CREATE TABLE audit_log (
           happened_at DATETIME NOT NULL, actor VARCHAR(40) NOT NULL, action VARCHAR(20) NOT NULL, object VARCHAR(60) NOT NULL,
           detail VARCHAR(200)
         ) ENGINE=InnoDB COMMENT='no key: lines only come'",
    ]
    .into_iter()
    .map(String::from)
    .chain([page_views()])
    .collect()
}

/// One partition a month, and one for what comes later.
fn page_views() -> String {
    let months =
        (2..=12).map(|month| format!("PARTITION p2025_{:02} VALUES LESS THAN ('2025-{month:02}-01')", month - 1));
    let last = ["PARTITION p2025_12 VALUES LESS THAN ('2026-01-01')", "PARTITION later VALUES LESS THAN (MAXVALUE)"];
    let partitions: Vec<String> = months.chain(last.map(String::from)).collect();
    format!(
        "CREATE TABLE page_views (
           id BIGINT UNSIGNED NOT NULL, viewed_on DATE NOT NULL, page VARCHAR(40) NOT NULL, product_id INT UNSIGNED NOT NULL,
           milliseconds INT UNSIGNED NOT NULL, PRIMARY KEY (id, viewed_on), KEY by_product (product_id)
         ) ENGINE=InnoDB PARTITION BY RANGE COLUMNS (viewed_on) ({})",
        partitions.join(", ")
    )
}

/// What is made once the rows are in.
pub fn after_rows() -> Vec<String> {
    [INDEXES.as_slice(), FOREIGN_KEYS.as_slice(), OBJECTS.as_slice()].concat().into_iter().map(String::from).collect()
}

// MariaDB has no indexes on expressions, and takes what stands in a comment for MySQL 8 as one.
const INDEXES: [&str; 10] = [
    "ALTER TABLE users ADD UNIQUE KEY by_email (email), ADD KEY by_country (country, created_at DESC), ADD KEY by_host (email_host)",
    "ALTER TABLE accounts ADD UNIQUE KEY by_iban (iban), ADD KEY by_user (user_id)",
    "ALTER TABLE transfers ADD KEY by_from (from_account, made_at), ADD KEY by_to (to_account)",
    "ALTER TABLE products ADD UNIQUE KEY by_sku (sku), ADD KEY by_category (category_id, price)",
    "ALTER TABLE products ADD FULLTEXT KEY by_words (name, description)",
    "ALTER TABLE orders ADD KEY by_user (user_id, ordered_at), ADD KEY by_status (status, ordered_at)",
    "ALTER TABLE order_lines ADD KEY by_product (product_id)",
    "ALTER TABLE payments ADD KEY by_order (order_id), ADD UNIQUE KEY by_token (token)
       /*!80013 , ADD KEY by_month ((MONTH(paid_at))) */",
    "ALTER TABLE events ADD KEY by_user (user_id, happened_at), ADD KEY by_kind (kind)",
    "ALTER TABLE documents ADD KEY by_user (user_id), ADD KEY by_title (title(20))",
];

// The sessions that run these have foreign_key_checks=0: the keys are added without copying the tables.
const FOREIGN_KEYS: [&str; 8] = [
    "ALTER TABLE accounts ADD CONSTRAINT account_user FOREIGN KEY (user_id) REFERENCES users (id)",
    "ALTER TABLE transfers ADD CONSTRAINT transfer_from FOREIGN KEY (from_account) REFERENCES accounts (id),
       ADD CONSTRAINT transfer_to FOREIGN KEY (to_account) REFERENCES accounts (id)",
    "ALTER TABLE categories ADD CONSTRAINT category_parent FOREIGN KEY (parent_id) REFERENCES categories (id)",
    "ALTER TABLE products ADD CONSTRAINT product_category FOREIGN KEY (category_id) REFERENCES categories (id)",
    "ALTER TABLE orders ADD CONSTRAINT order_user FOREIGN KEY (user_id) REFERENCES users (id)",
    "ALTER TABLE order_lines ADD CONSTRAINT line_order FOREIGN KEY (order_id) REFERENCES orders (id) ON DELETE CASCADE,
       ADD CONSTRAINT line_product FOREIGN KEY (product_id) REFERENCES products (id)",
    "ALTER TABLE payments ADD CONSTRAINT payment_order FOREIGN KEY (order_id) REFERENCES orders (id)",
    "ALTER TABLE documents ADD CONSTRAINT document_user FOREIGN KEY (user_id) REFERENCES users (id) ON UPDATE CASCADE",
];

const OBJECTS: [&str; 8] = [
    "CREATE FUNCTION order_total (which BIGINT UNSIGNED) RETURNS DECIMAL(14,2) READS SQL DATA
       RETURN (SELECT COALESCE(SUM(amount), 0) FROM order_lines WHERE order_id = which)",
    "CREATE PROCEDURE close_dormant (IN since DATETIME)
     BEGIN
       UPDATE users SET status = 'dormant' WHERE last_login < since AND status = 'active';
     END",
    "CREATE VIEW order_summary AS
       SELECT o.id, u.full_name, o.ordered_at, o.status, SUM(l.amount) AS amount
       FROM orders o JOIN users u ON u.id = o.user_id JOIN order_lines l ON l.order_id = o.id GROUP BY o.id",
    // By its name before the view it reads from: order has to come from the references.
    "CREATE VIEW best_customers AS
       SELECT full_name, SUM(amount) AS spent FROM order_summary GROUP BY full_name ORDER BY spent DESC LIMIT 100",
    "CREATE TRIGGER order_changed AFTER UPDATE ON orders FOR EACH ROW
       INSERT INTO audit_log VALUES (NOW(), CURRENT_USER(), 'update', CONCAT('order ', NEW.id), CONCAT(OLD.status, ' to ', NEW.status))",
    "CREATE TRIGGER price_checked BEFORE UPDATE ON products FOR EACH ROW SET NEW.price = GREATEST(NEW.price, 0.01)",
    "CREATE TRIGGER price_logged AFTER UPDATE ON products FOR EACH ROW
       INSERT INTO audit_log VALUES (NOW(), CURRENT_USER(), 'price', CONCAT('product ', NEW.id), NEW.price)",
    "CREATE EVENT expire_sessions ON SCHEDULE EVERY 1 DAY STARTS '2025-01-01 03:00:00' COMMENT 'housekeeping'
       DO DELETE FROM sessions WHERE seen_at < NOW() - INTERVAL 90 DAY",
];
