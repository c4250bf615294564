-- Accounts with every attribute. Read by a test of accounts, not part of the schemas.

SET NAMES utf8mb4;
CREATE ROLE corpus_reader, corpus_writer, `corpus role`@`10.%`;
GRANT SELECT ON corpus_types.* TO corpus_reader;
GRANT INSERT, UPDATE (f, d) ON corpus_types.floats TO corpus_writer;
GRANT corpus_reader TO corpus_writer WITH ADMIN OPTION;
CREATE USER corpus_plain@localhost IDENTIFIED BY 'a''b\\c"';
CREATE USER `corpus o'brien`@`192.168.0.0/255.255.0.0` IDENTIFIED BY 'ü' REQUIRE SSL COMMENT 'it''s';
CREATE USER corpus_limits@`%` IDENTIFIED BY 'x' WITH MAX_QUERIES_PER_HOUR 5 MAX_UPDATES_PER_HOUR 6 MAX_CONNECTIONS_PER_HOUR 7 MAX_USER_CONNECTIONS 8
  PASSWORD EXPIRE INTERVAL 90 DAY PASSWORD HISTORY 5 PASSWORD REUSE INTERVAL 365 DAY PASSWORD REQUIRE CURRENT FAILED_LOGIN_ATTEMPTS 3 PASSWORD_LOCK_TIME 2;
CREATE USER corpus_locked@localhost IDENTIFIED BY 'x' ACCOUNT LOCK PASSWORD EXPIRE;
CREATE USER corpus_attribute@localhost IDENTIFIED BY 'x' ATTRIBUTE '{"team": "data", "n": 5, "text": "it''s"}';
CREATE USER corpus_tls@localhost IDENTIFIED BY 'x' REQUIRE SUBJECT '/C=DE/CN=a' AND ISSUER '/CN=ca' AND CIPHER 'AES256-SHA';
CREATE USER corpus_random@localhost IDENTIFIED WITH caching_sha2_password AS 0x24412430303524404C1A5E0B6E2F79155D4E45091F2A0C2E35484B62326A42754A7A31324F6A4D546F764E7937576B5A746F3568477A6B4F3331666B35544C2E616263646566;
CREATE USER corpus_dual@localhost IDENTIFIED BY 'old';
ALTER USER corpus_dual@localhost IDENTIFIED BY 'new' RETAIN CURRENT PASSWORD;
CREATE USER ''@corpus_host;
GRANT ALL ON *.* TO corpus_limits@`%` WITH GRANT OPTION;
GRANT SELECT, PROCESS ON *.* TO corpus_plain@localhost;
GRANT BACKUP_ADMIN, CLONE_ADMIN ON *.* TO corpus_plain@localhost WITH GRANT OPTION;
GRANT SELECT ON `corpus\_types`.* TO corpus_plain@localhost;
GRANT SELECT ON `corpus-dash.dot 2`.* TO corpus_attribute@localhost;
GRANT EXECUTE ON PROCEDURE corpus_objects.loops TO corpus_attribute@localhost;
GRANT EXECUTE ON FUNCTION corpus_objects.twice TO corpus_attribute@localhost;
GRANT corpus_reader, `corpus role`@`10.%` TO corpus_plain@localhost, corpus_attribute@localhost;
SET DEFAULT ROLE corpus_reader TO corpus_plain@localhost;
SET DEFAULT ROLE ALL TO corpus_attribute@localhost;
GRANT PROXY ON corpus_plain@localhost TO corpus_attribute@localhost;
