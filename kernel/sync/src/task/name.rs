//! A task's name.

use core::fmt;

/// At most 15 bytes, as `comm` is on Linux (`man 2 prctl`, `PR_SET_NAME`). Not necessarily UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub struct TaskName([u8; 16]);

impl TaskName {
    /// The name, cut after 15 bytes or before the first NUL.
    #[must_use]
    pub fn new(name: &[u8]) -> Self {
        let mut bytes = [0; 16];
        let taken = name.iter().copied().take_while(|&byte| byte != 0).take(15);
        for (to, from) in bytes.iter_mut().zip(taken) {
            *to = from;
        }
        Self(bytes)
    }

    /// All 16 bytes, the rest NUL, as `PR_GET_NAME` copies them.
    #[must_use]
    pub const fn padded(&self) -> &[u8; 16] {
        &self.0
    }

    /// The bytes of the name alone.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        self.0.split(|&byte| byte == 0).next().unwrap_or_default()
    }
}

impl From<&str> for TaskName {
    fn from(name: &str) -> Self {
        Self::new(name.as_bytes())
    }
}

impl fmt::Display for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.as_bytes().utf8_chunks() {
            f.write_str(chunk.valid())?;
            if !chunk.invalid().is_empty() {
                f.write_str("?")?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for TaskName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}
