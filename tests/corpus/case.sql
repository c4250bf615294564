-- Tables whose names differ in case alone: only a server with lower_case_table_names=0 holds them both.

SET NAMES utf8mb4;
CREATE DATABASE corpus_case CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci;
CREATE TABLE corpus_case.Orders (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO corpus_case.Orders VALUES (1, 'upper');
CREATE TABLE corpus_case.orders (id INT PRIMARY KEY, v VARCHAR(20));
INSERT INTO corpus_case.orders VALUES (1, 'lower'), (2, 'more');
CREATE TABLE corpus_case.ORDERS (id INT PRIMARY KEY, other DATE);
INSERT INTO corpus_case.ORDERS VALUES (7, '2024-01-02');
CREATE DATABASE Corpus_Case CHARACTER SET latin1;
CREATE TABLE Corpus_Case.orders (id INT PRIMARY KEY);
INSERT INTO Corpus_Case.orders VALUES (1), (2), (3);
