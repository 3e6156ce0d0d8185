//! Numbers of bytes, which go round (RFC 9293, 3.4): smoltcp's, and steps with them.

pub use smoltcp::wire::TcpSeqNumber as Seq;

/// Steps that are defined for any two numbers: the operators of the number itself panic where the other end, who is
/// free to send any number, could bring them.
pub trait Steps: Sized {
    /// So many bytes on.
    #[must_use]
    fn plus(self, bytes: usize) -> Self;
    /// The byte before.
    #[must_use]
    fn minus_one(self) -> Self;
    /// Whether it comes before `other`.
    fn before(self, other: Self) -> bool;
    /// Whether it comes after `other`.
    fn after(self, other: Self) -> bool;
    /// Bytes from `earlier` to here; 0 when it is later.
    fn since(self, earlier: Self) -> usize;
}

impl Steps for Seq {
    fn plus(self, bytes: usize) -> Self {
        Self(self.0.wrapping_add(bytes as i32))
    }

    fn minus_one(self) -> Self {
        Self(self.0.wrapping_sub(1))
    }

    fn before(self, other: Self) -> bool {
        self < other
    }

    fn after(self, other: Self) -> bool {
        self > other
    }

    fn since(self, earlier: Self) -> usize {
        usize::try_from(self.0.wrapping_sub(earlier.0)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::{Seq, Steps};

    #[test]
    fn order_holds_where_the_numbers_go_round() {
        let last = Seq(-1);
        let first = last.plus(1);
        assert_eq!(first, Seq(0));
        assert!(last.before(first) && first.after(last));
        assert_eq!(first.since(last), 1);
        assert_eq!(last.since(first), 0);
        assert_eq!(first.max(last), first);
        assert_eq!(first.min(last), last);
        assert_eq!(first.minus_one(), last);
        let (least, most) = (Seq(i32::MIN), Seq(i32::MAX));
        assert_eq!(least.since(most), 1);
        assert!(most.before(least));
    }
}
