//! Putting packets together that came in pieces (RFC 815, without its haste).
//!
//! What others can make this machine keep is bounded: pieces that overlap end their packet (RFC 5722), so a packet is
//! never more than its bytes; beyond a limit the oldest gives way.

use crate::counts::{Count, count_of};
use crate::input::Incoming;
use crate::room;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use core::time::Duration;
use sync::SortedMap;
use sync::{Instant, SpinLock, rank};

/// Packets in the making; the oldest gives way.
const MOST: usize = 32;
/// What a piece costs besides its bytes.
const PIECE: usize = 64;
/// The longest packet.
const LONGEST: usize = 65_535;

/// Limits of one family's packets in the making.
#[derive(Debug)]
pub struct Limits {
    /// Bytes they take at the most (`net.ipv4.ipfrag_high_thresh`, `net.ipv6.ip6frag_high_thresh`).
    pub high: AtomicU32,
    /// Seconds that pieces wait for the others (`net.ipv4.ipfrag_time`, `net.ipv6.ip6frag_time`).
    pub seconds: AtomicU32,
}

impl Limits {
    const fn new(seconds: u32) -> Self {
        Self {
            high: AtomicU32::new(4 << 20),
            seconds: AtomicU32::new(seconds),
        }
    }
}

/// Those of IPv4.
pub static V4: Limits = Limits::new(30);
/// Those of IPv6.
pub static V6: Limits = Limits::new(60);

/// Which packet a piece is of.
type Key = (IpAddr, IpAddr, u8, u32);

struct Making {
    /// Pieces by where they begin; none reaches into the next.
    pieces: SortedMap<usize, Vec<u8>>,
    /// Their bytes.
    bytes: usize,
    /// Where the last one ends, once it is there.
    end: Option<usize>,
    since: Instant,
}

type Makings = SortedMap<Key, Making>;

static MAKINGS: SpinLock<Makings, { rank::LEAF }> = SpinLock::new(SortedMap::new());

/// Adds a piece; the whole when it was the last one missing.
#[must_use]
pub fn add(packet: &Incoming<'_>) -> Option<Vec<u8>> {
    let piece = packet.piece?;
    let key = (packet.from, packet.to, packet.protocol, piece.id);
    let end = piece.offset + packet.payload.len();
    if end > LONGEST || piece.more && !packet.payload.len().is_multiple_of(8) {
        return None;
    }
    let bytes = room::copy(packet.payload).ok()?;
    let mut makings = MAKINGS.lock();
    make_room(&mut makings, &key);
    let making = makings.get_or_insert_with(key, || Making {
        pieces: SortedMap::new(),
        bytes: 0,
        end: None,
        since: Instant::now(),
    });
    if !making.take(piece.offset, end, piece.more, bytes) {
        lose(&mut makings, &key);
        return None;
    }
    if making.end != Some(making.bytes) {
        return None;
    }
    let made = makings.remove(&key)?;
    drop(makings);
    made.whole()
}

/// Packets of a family in the making, and the bytes they take (`/proc/net/sockstat`).
#[must_use]
pub fn held(v4: bool) -> (usize, usize) {
    let makings = MAKINGS.lock();
    let those = makings.iter().filter(|(key, _)| key.0.is_ipv4() == v4);
    those.fold((0, 0), |(count, bytes), (_, making)| {
        (count + 1, bytes + making.cost())
    })
}

/// What waited too long, and the oldest where there is too much, give way to another piece.
fn make_room(makings: &mut Makings, key: &Key) {
    let now = Instant::now();
    makings.retain(|(from, ..), making| {
        let v4 = from.is_ipv4();
        let seconds = if v4 { &V4 } else { &V6 }.seconds.load(Relaxed);
        let waits = now.saturating_since(making.since) < Duration::from_secs(seconds.into());
        if !waits {
            count_of(v4, Count::IpReasmTimeout, Count::Ip6ReasmTimeout);
            count_of(v4, Count::IpReasmFails, Count::Ip6ReasmFails);
        }
        waits
    });
    let v4 = key.0.is_ipv4();
    let most = if v4 { &V4 } else { &V6 }.high.load(Relaxed) as usize;
    loop {
        let of_family = makings.iter().filter(|(key, _)| key.0.is_ipv4() == v4);
        let (mut bytes, mut oldest) = (0, None);
        for (key, making) in of_family {
            bytes += making.cost();
            if oldest.is_none_or(|(_, since)| making.since < since) {
                oldest = Some((*key, making.since));
            }
        }
        let many = makings.len() >= MOST && !makings.contains_key(key);
        let Some((oldest, _)) = oldest.filter(|_| bytes > most || many) else {
            return;
        };
        lose(makings, &oldest);
    }
}

/// A packet will not be whole.
fn lose(makings: &mut Makings, key: &Key) {
    count_of(key.0.is_ipv4(), Count::IpReasmFails, Count::Ip6ReasmFails);
    makings.remove(key);
}

impl Making {
    fn cost(&self) -> usize {
        PIECE + self.bytes + self.pieces.len() * PIECE
    }

    /// Takes a piece in; `false` when it does not fit those that came. One that came before is passed over.
    fn take(&mut self, start: usize, end: usize, more: bool, bytes: Vec<u8>) -> bool {
        let before = self.pieces.range(..=start).next_back();
        if let Some((at, piece)) = before {
            if *at == start && piece.len() == bytes.len() && !bytes.is_empty() {
                return true;
            }
            if at + piece.len() > start {
                return false;
            }
        }
        let behind = self.pieces.range(start..).next_back();
        let next = self.pieces.range(start..).next();
        // The last one ends the packet: nothing is behind it, and it is the only one.
        let fits = !bytes.is_empty()
            && next.is_none_or(|(at, _)| end <= *at)
            && (more || self.end.is_none() && behind.is_none())
            && self.end.is_none_or(|last| end <= last);
        if fits {
            self.bytes += bytes.len();
            self.pieces.insert(start, bytes);
            if !more {
                self.end = Some(end);
            }
        }
        fits
    }

    /// All pieces one behind the other.
    fn whole(self) -> Option<Vec<u8>> {
        let mut whole = Vec::new();
        whole.try_reserve_exact(self.bytes).ok()?;
        self.pieces
            .into_values()
            .for_each(|piece| whole.extend_from_slice(&piece));
        Some(whole)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Piece;

    fn add_piece(id: u32, offset: usize, more: bool, payload: &[u8]) -> Option<Vec<u8>> {
        let end = IpAddr::from([10, 0, 0, 1]);
        add(&Incoming {
            from: end,
            to: end,
            protocol: 17,
            ttl: 1,
            tos: 0,
            device: 1,
            header: &[],
            payload,
            piece: Some(Piece { id, offset, more }),
        })
    }

    #[test]
    fn pieces_come_in_any_order_and_twice() {
        assert_eq!(add_piece(1, 8, true, &[2; 8]), None);
        assert_eq!(add_piece(1, 16, false, &[3; 3]), None);
        assert_eq!(add_piece(1, 16, false, &[3; 3]), None);
        let whole = add_piece(1, 0, true, &[1; 8]).unwrap();
        assert_eq!(whole.len(), 19);
        assert_eq!(whole.get(15..17), Some(&[2, 3][..]));
    }

    #[test]
    fn pieces_that_overlap_end_their_packet() {
        assert_eq!(add_piece(4, 0, true, &[1; 16]), None);
        assert_eq!(add_piece(4, 8, true, &[2; 16]), None);
        // Nothing is left that these would complete.
        assert_eq!(add_piece(4, 16, false, &[3; 8]), None);
        assert_eq!(add_piece(4, 8, true, &[3; 8]), None);
        assert!(add_piece(4, 0, true, &[1; 8]).is_some());
        // An end before another's, and one of no bytes.
        assert_eq!(add_piece(5, 16, true, &[1; 8]), None);
        assert_eq!(add_piece(5, 8, false, &[1; 8]), None);
        assert_eq!(add_piece(5, 0, true, &[]), None);
        assert_eq!(add_piece(5, 0, true, &[1; 8]), None);
        assert_eq!(add_piece(5, 8, true, &[1; 8]), None);
        assert!(add_piece(5, 16, false, &[1; 8]).is_some());
    }

    #[test]
    fn no_more_is_kept_than_the_limit_says() {
        // Each packet lacks its first piece; 32 of them are more than the limit.
        let high = V6.high.swap(100_000, Relaxed);
        let end = IpAddr::from([0xfd00, 0, 0, 0, 0, 0, 0, 1]);
        for id in 0..32 {
            for offset in (8..8000).step_by(8) {
                let whole = add(&Incoming {
                    from: end,
                    to: end,
                    protocol: 17,
                    ttl: 1,
                    tos: 0,
                    device: 1,
                    header: &[],
                    payload: &[7; 8],
                    piece: Some(Piece {
                        id,
                        offset,
                        more: true,
                    }),
                });
                assert_eq!(whole, None);
                assert!(held(false).1 <= 100_000 + 3 * PIECE);
            }
        }
        assert!(held(false).0 >= 1);
        V6.high.store(high, Relaxed);
    }

    #[test]
    fn what_is_too_long_or_odd_is_dropped() {
        assert_eq!(add_piece(2, 65_528, false, &[0; 100]), None);
        assert_eq!(add_piece(3, 0, true, &[0; 7]), None);
    }
}
