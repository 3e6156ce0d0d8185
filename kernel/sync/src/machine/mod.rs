//! What this crate asks of the machine below: hal's in the kernel and over `std`, simulated under shuttle.

#[cfg(not(feature = "shuttle"))]
mod real;
#[cfg(not(feature = "shuttle"))]
pub(crate) use real::*;

#[cfg(feature = "shuttle")]
mod simulated;
#[cfg(feature = "shuttle")]
pub(crate) use simulated::*;

#[cfg(not(target_os = "none"))]
pub(crate) mod host;
