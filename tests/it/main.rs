//! All integration tests in one program: it links once. A module is a subject.

mod s3;
mod support;
