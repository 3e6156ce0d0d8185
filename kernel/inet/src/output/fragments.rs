//! Putting packets together that came in pieces (RFC 815, without its haste).

use crate::input::Incoming;
use crate::room;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;
use sync::SortedMap;
use sync::{Instant, SpinLock, rank};

/// Packets in the making; the oldest gives way.
const MOST: usize = 32;
/// How long pieces wait for the others.
const PATIENCE: Duration = Duration::from_secs(30);
/// The longest packet.
const LONGEST: usize = 65_535;

/// Which packet a piece is of.
type Key = (IpAddr, IpAddr, u8, u32);

struct Making {
    /// Pieces by where they begin.
    pieces: SortedMap<usize, Vec<u8>>,
    /// Where the last one ends, once it is there.
    end: Option<usize>,
    since: Instant,
}

static MAKINGS: SpinLock<SortedMap<Key, Making>, { rank::LEAF }> = SpinLock::new(SortedMap::new());

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
    let now = Instant::now();
    let mut makings = MAKINGS.lock();
    makings.retain(|_, making| now.saturating_since(making.since) < PATIENCE);
    if makings.len() >= MOST && !makings.contains_key(&key) {
        let oldest = makings
            .iter()
            .min_by_key(|(_, making)| making.since)
            .map(|(key, _)| *key);
        if let Some(oldest) = oldest {
            makings.remove(&oldest);
        }
    }
    let making = makings.get_or_insert_with(key, || Making {
        pieces: SortedMap::new(),
        end: None,
        since: now,
    });
    if !piece.more {
        making.end = Some(end);
    }
    making.pieces.insert(piece.offset, bytes);
    let whole = making.whole()?;
    makings.remove(&key);
    Some(whole)
}

impl Making {
    /// All pieces one behind the other; `None` while one is missing or two overlap.
    fn whole(&self) -> Option<Vec<u8>> {
        let end = self.end?;
        let mut at = 0;
        for (offset, piece) in &self.pieces {
            if *offset != at {
                return None;
            }
            at += piece.len();
        }
        if at != end {
            return None;
        }
        let mut whole = Vec::new();
        whole.try_reserve_exact(end).ok()?;
        self.pieces
            .values()
            .for_each(|piece| whole.extend_from_slice(piece));
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
    fn what_is_too_long_or_odd_is_dropped() {
        assert_eq!(add_piece(2, 65_528, false, &[0; 100]), None);
        assert_eq!(add_piece(3, 0, true, &[0; 7]), None);
    }
}
