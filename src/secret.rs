//! A password that cannot be printed: its `Debug` shows nothing, it has no `Display`, and the bytes are
//! reached only by [`Secret::expose`], so every use is easy to find.

/// A password or key kept out of logs, manifests and error texts.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a password.
    pub fn new(text: impl Into<String>) -> Self {
        Secret(text.into())
    }

    /// The password itself, for the login packet only.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True where no password was given.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
