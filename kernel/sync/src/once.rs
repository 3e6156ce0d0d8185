//! A value that is set once and read for ever.

use crate::machine::Relax;

/// A value set once. Reading costs a load and a branch; setting allocates nothing and may spin while
/// another processor sets it.
#[derive(Debug)]
pub struct Once<T>(spin::once::Once<T, Relax>);

impl<T> Once<T> {
    /// Not set yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(spin::once::Once::INIT)
    }

    /// The value, if it is set.
    #[inline]
    #[must_use]
    pub fn get(&self) -> Option<&T> {
        self.0.get()
    }

    /// The value; made by `make` when nobody has yet. `make` must not sleep.
    #[inline]
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        self.0.call_once(make)
    }

    /// Sets the value.
    ///
    /// # Errors
    /// Gives the value back when there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        // Fails only when the value is gone, that is never: the closure runs at most once.
        let _ = self.0.try_call_once(|| value.take().ok_or(()));
        value.map_or(Ok(()), Err)
    }
}

impl<T> Default for Once<T> {
    fn default() -> Self {
        Self::new()
    }
}
