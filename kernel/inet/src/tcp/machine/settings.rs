//! What the program wants of a connection, and what the two ends agreed on.

use super::sequence::Seq;
use super::stamps::Stamps;
use core::time::Duration;

/// Whether and how often a silent end is asked whether it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepAlive {
    /// Silence before the first probe.
    pub idle: Duration,
    /// Between probes.
    pub interval: Duration,
    /// Probes without an answer that end the connection.
    pub count: u32,
}

/// What a socket's options are to its connection.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Small segments wait for the answer to those before.
    pub nagle: bool,
    /// Small segments wait until this is taken back, or 200 ms.
    pub corked: bool,
    /// See [`KeepAlive`].
    pub keep_alive: Option<KeepAlive>,
    /// How long what was sent may stay without an answer (`TCP_USER_TIMEOUT`).
    pub user_timeout: Option<Duration>,
    /// How long when the program does not say.
    pub give_up: Duration,
    /// SYNs sent again.
    pub syn_count: u32,
    /// The largest segment the program wants.
    pub max_segment: Option<u16>,
    /// The sizes the program chose for its buffers.
    pub send_buffer: Option<usize>,
    /// The same of what waits to be read.
    pub receive_buffer: Option<usize>,
    /// Bytes not sent yet above which there is no room (`TCP_NOTSENT_LOWAT`).
    pub not_sent_low: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            nagle: true,
            corked: false,
            keep_alive: None,
            user_timeout: None,
            give_up: Duration::from_secs(924),
            syn_count: 6,
            max_segment: None,
            send_buffer: None,
            receive_buffer: None,
            not_sent_low: usize::MAX,
        }
    }
}

/// What the two ends agreed on when the connection was half made.
#[derive(Clone, Copy, Debug)]
pub struct Agreed {
    /// The own port.
    pub local: u16,
    /// The other end's.
    pub remote: u16,
    /// The number of the own SYN.
    pub own: Seq,
    /// The number of the other end's.
    pub other: Seq,
    /// The largest segment the other end wants.
    pub mss: u16,
    /// How far its windows are shifted, if both are.
    pub scale: Option<u8>,
    /// Ranges may be told.
    pub ranges: bool,
    /// Times are told, if they are.
    pub stamps: Option<Stamps>,
    /// The window told with the answer to the SYN.
    pub told: u16,
}
