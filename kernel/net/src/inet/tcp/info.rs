//! `TCP_INFO`.

use super::TcpSocket;
use super::state::State;
use alloc::vec::Vec;

/// Bytes of Linux 6.12's `struct tcp_info`.
const LENGTH: usize = 248;
/// Where its words begin, after eight bytes of states and options.
const WORDS: usize = 8;

impl TcpSocket {
    /// The bytes of `struct tcp_info`; what is not measured is 0.
    pub(super) fn info(&self) -> Vec<u8> {
        let state = self.link.lock().state;
        let mut info = alloc::vec![0; LENGTH];
        if let Some(first) = info.first_mut() {
            *first = state as u8;
        }
        let mut word = |index: usize, value: u32| {
            let at = WORDS + index * 4;
            if let Some(place) = info.get_mut(at..at + 4) {
                place.copy_from_slice(&value.to_ne_bytes());
            }
        };
        if state != State::Listen {
            let segment = self.segment() as u32;
            // Microseconds; segment sizes; the window in segments.
            word(0, 200_000);
            word(1, 40_000);
            word(2, segment);
            word(3, segment);
            word(14, 65_535);
            word(19, 10);
            word(20, segment);
        } else {
            let link = self.link.lock();
            let (waiting, backlog) = link
                .listener
                .as_ref()
                .map_or((0, 0), |listener| (listener.queue.len(), listener.backlog));
            drop(link);
            word(4, waiting as u32);
            word(5, backlog);
        }
        info
    }
}
