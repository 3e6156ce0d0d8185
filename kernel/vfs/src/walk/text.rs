//! The text of a path: its components.

use alloc::sync::Arc;

use crate::name_hash::length;

/// A path's text, or that of a symbolic link on the way.
pub(super) enum Text<'p> {
    Given(&'p [u8]),
    Link(Arc<[u8]>),
}

impl Text<'_> {
    pub(super) fn bytes(&self) -> &[u8] {
        match self {
            Self::Given(bytes) => bytes,
            Self::Link(bytes) => bytes,
        }
    }

    pub(super) fn from(&self, at: usize) -> &[u8] {
        self.bytes().get(at..).unwrap_or_default()
    }
}

/// The last component of a path, which a walk to the parent leaves unresolved.
pub struct Last<'p> {
    pub(super) text: Text<'p>,
    pub(super) start: usize,
    pub(super) end: usize,
    /// Whether slashes follow it.
    pub trailing_slash: bool,
}

impl Last<'_> {
    /// The name: empty when the path is only slashes, else possibly `.` or `..`.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        self.text
            .bytes()
            .get(self.start..self.end)
            .unwrap_or_default()
    }

    /// Whether it is an ordinary name: none of nothing, `.` and `..`.
    #[must_use]
    pub fn is_normal(&self) -> bool {
        !matches!(self.name(), b"" | b"." | b"..")
    }
}

/// Where the component at or after `from` begins and ends; the same when there is none.
#[inline]
pub(super) fn component(bytes: &[u8], from: usize) -> (usize, usize) {
    let mut start = from;
    while bytes.get(start) == Some(&b'/') {
        start += 1;
    }
    let rest = bytes.get(start..).unwrap_or_default();
    (start, start + length(rest))
}

/// How many slashes it begins with.
fn leading_slashes(text: &[u8]) -> usize {
    text.iter().take_while(|byte| **byte == b'/').count()
}

/// Whether another component follows, and whether slashes do.
pub(super) fn what_follows(rest: &[u8], outer: &[(Text<'_>, usize)]) -> (bool, bool) {
    let slashes = leading_slashes(rest);
    if slashes < rest.len() {
        return (true, true);
    }
    let mut trailing = slashes > 0;
    for (text, at) in outer.iter().rev() {
        let rest = text.from(*at);
        let slashes = leading_slashes(rest);
        if slashes < rest.len() {
            return (true, true);
        }
        trailing |= slashes > 0;
    }
    (false, trailing)
}
