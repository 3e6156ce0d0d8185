//! The states of a connection, and what moves it from one to the next.

/// Numbered as `/proc/net/tcp` and `TCP_INFO` tell them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
#[allow(missing_docs, reason = "the names are those of RFC 9293")]
pub enum State {
    Established = 1,
    SynSent = 2,
    SynReceived = 3,
    FinWait1 = 4,
    FinWait2 = 5,
    TimeWait = 6,
    Closed = 7,
    CloseWait = 8,
    LastAck = 9,
    Listen = 10,
    Closing = 11,
}

impl State {
    /// The end sent its FIN, which the other end of this machine has at once.
    #[must_use]
    pub fn fin_sent(self) -> Self {
        match self {
            Self::Established | Self::SynReceived => Self::FinWait2,
            Self::CloseWait => Self::Closed,
            other => other,
        }
    }

    /// The other end's FIN came.
    #[must_use]
    pub fn fin_received(self) -> Self {
        match self {
            Self::Established | Self::SynReceived => Self::CloseWait,
            Self::FinWait1 | Self::FinWait2 | Self::Closing => Self::TimeWait,
            other => other,
        }
    }

    /// Whether there is a connection, or the rest of one.
    #[must_use]
    pub fn is_connected(self) -> bool {
        !matches!(
            self,
            Self::Closed | Self::Listen | Self::SynSent | Self::SynReceived
        )
    }

    /// Whether bytes may still be sent.
    #[must_use]
    pub fn may_send(self) -> bool {
        matches!(self, Self::Established | Self::CloseWait)
    }
}

#[cfg(test)]
mod tests {
    use super::State;

    #[test]
    fn who_ends_first_waits() {
        let first = State::Established.fin_sent();
        let second = State::Established.fin_received();
        assert_eq!((first, second), (State::FinWait2, State::CloseWait));
        assert_eq!(second.fin_sent(), State::Closed);
        assert_eq!(first.fin_received(), State::TimeWait);
    }

    #[test]
    fn a_closed_end_stays_closed() {
        assert_eq!(State::Closed.fin_sent(), State::Closed);
        assert_eq!(State::Closed.fin_received(), State::Closed);
        assert_eq!(State::Listen.fin_received(), State::Listen);
    }
}
