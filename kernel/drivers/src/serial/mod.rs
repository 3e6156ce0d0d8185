//! Serial ports: `/dev/ttyAMA0` over a PL011.

mod pl011;

pub use pl011::start;
