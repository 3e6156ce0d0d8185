//! Commands of the display device and their answers (virtio 1.2, 5.7.6).

use alloc::boxed::Box;
use alloc::vec::Vec;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::drm::engine::Op;
use crate::drm::rect::Rect;

const GET_DISPLAY_INFO: u32 = 0x100;
const RESOURCE_CREATE_2D: u32 = 0x101;
const RESOURCE_UNREF: u32 = 0x102;
const SET_SCANOUT: u32 = 0x103;
const RESOURCE_FLUSH: u32 = 0x104;
const TRANSFER_TO_HOST_2D: u32 = 0x105;
const ATTACH_BACKING: u32 = 0x106;
const DETACH_BACKING: u32 = 0x107;
const GET_EDID: u32 = 0x10a;
const UPDATE_CURSOR: u32 = 0x300;
const MOVE_CURSOR: u32 = 0x301;

const OK_DISPLAY_INFO: u32 = 0x1101;
const OK_EDID: u32 = 0x1104;
/// Answers from here on are errors.
const FIRST_ERROR: u32 = 0x1200;

const FLAG_FENCE: u32 = 1;

/// Blue, green, red, alpha in memory.
const B8G8R8A8: u32 = 1;
/// The same with the fourth byte ignored.
const B8G8R8X8: u32 = 2;

/// Scan-outs an answer to `GET_DISPLAY_INFO` has room for.
const MAX_SCANOUTS: usize = 16;

/// The bytes an answer without data takes.
pub(super) const HEADER: usize = size_of::<Header>();
/// The bytes an answer with the displays takes.
pub(super) const DISPLAY_INFO: usize = HEADER + MAX_SCANOUTS * size_of::<DisplayOne>();
/// The bytes an answer with an EDID takes.
pub(super) const EDID: usize = HEADER + 8 + 1024;

macro_rules! wire {
    ($($(#[$meta:meta])* $name:ident [$size:literal] { $($field:ident: $type:ty,)* })*) => {$(
        $(#[$meta])*
        #[repr(C)]
        #[derive(Clone, Copy, Default, FromBytes, IntoBytes, KnownLayout, Immutable)]
        struct $name { $($field: $type,)* }
        const _: () = assert!(size_of::<$name>() == $size);
    )*};
}

wire! {
    Header [24] { kind: u32, flags: u32, fence: u64, context: u32, ring: u32, }
    Area [16] { x: u32, y: u32, width: u32, height: u32, }
    DisplayOne [24] { area: Area, enabled: u32, flags: u32, }
    Create [40] { header: Header, resource: u32, format: u32, width: u32, height: u32, }
    /// Also `DETACH_BACKING`, and `GET_EDID` with a scan-out in the resource's place.
    One [32] { header: Header, resource: u32, padding: u32, }
    Scanout [48] { header: Header, area: Area, scanout: u32, resource: u32, }
    Flush [48] { header: Header, area: Area, resource: u32, padding: u32, }
    Transfer [56] { header: Header, area: Area, offset: u64, resource: u32, padding: u32, }
    Attach [32] { header: Header, resource: u32, entries: u32, }
    Entry [16] { address: u64, length: u32, padding: u32, }
    Cursor [56] {
        header: Header,
        scanout: u32,
        x: u32,
        y: u32,
        pad: u32,
        resource: u32,
        hot_x: u32,
        hot_y: u32,
        padding: u32,
    }
}

fn header(kind: u32, fence: u64) -> Header {
    Header {
        kind,
        flags: FLAG_FENCE,
        fence,
        ..Header::default()
    }
}

fn area(rect: Rect) -> Area {
    Area {
        x: rect.x1,
        y: rect.y1,
        width: rect.width(),
        height: rect.height(),
    }
}

fn boxed(bytes: &[u8]) -> Box<[u8]> {
    bytes.into()
}

/// The bytes of an operation, to be answered with this fence.
pub(super) fn encode(op: &Op, fence: u64) -> Box<[u8]> {
    let one = |kind, resource| {
        boxed(
            One {
                header: header(kind, fence),
                resource,
                padding: 0,
            }
            .as_bytes(),
        )
    };
    match op {
        Op::Create {
            resource,
            width,
            height,
            alpha,
        } => boxed(
            Create {
                header: header(RESOURCE_CREATE_2D, fence),
                resource: *resource,
                format: if *alpha { B8G8R8A8 } else { B8G8R8X8 },
                width: *width,
                height: *height,
            }
            .as_bytes(),
        ),
        Op::Attach { resource, pieces } => {
            let mut bytes = Vec::new();
            let head = Attach {
                header: header(ATTACH_BACKING, fence),
                resource: *resource,
                entries: u32::try_from(pieces.len()).unwrap_or(u32::MAX),
            };
            bytes.extend_from_slice(head.as_bytes());
            for (address, length) in pieces {
                let entry = Entry {
                    address: *address,
                    length: *length,
                    padding: 0,
                };
                bytes.extend_from_slice(entry.as_bytes());
            }
            bytes.into()
        }
        Op::Detach { resource } => one(DETACH_BACKING, *resource),
        Op::Destroy { resource } => one(RESOURCE_UNREF, *resource),
        Op::Scanout {
            scanout,
            resource,
            shown,
        } => boxed(
            Scanout {
                header: header(SET_SCANOUT, fence),
                area: area(*shown),
                scanout: *scanout,
                resource: *resource,
            }
            .as_bytes(),
        ),
        Op::Transfer {
            resource,
            rect,
            offset,
        } => boxed(
            Transfer {
                header: header(TRANSFER_TO_HOST_2D, fence),
                area: area(*rect),
                offset: *offset,
                resource: *resource,
                padding: 0,
            }
            .as_bytes(),
        ),
        Op::Flush { resource, rect } => boxed(
            Flush {
                header: header(RESOURCE_FLUSH, fence),
                area: area(*rect),
                resource: *resource,
                padding: 0,
            }
            .as_bytes(),
        ),
    }
}

/// The question which displays there are.
pub(super) fn display_info(fence: u64) -> Box<[u8]> {
    boxed(header(GET_DISPLAY_INFO, fence).as_bytes())
}

/// The question for a display's EDID.
pub(super) fn edid(fence: u64, scanout: u32) -> Box<[u8]> {
    let ask = One {
        header: header(GET_EDID, fence),
        resource: scanout,
        padding: 0,
    };
    boxed(ask.as_bytes())
}

/// A cursor's picture and place, or its place alone.
pub(super) fn cursor(
    scanout: u32,
    image: Option<(u32, (u32, u32))>,
    place: (i32, i32),
) -> Box<[u8]> {
    let kind = if image.is_some() {
        UPDATE_CURSOR
    } else {
        MOVE_CURSOR
    };
    let (resource, (hot_x, hot_y)) = image.unwrap_or_default();
    let command = Cursor {
        header: Header {
            kind,
            ..Header::default()
        },
        scanout,
        // Left of or above the screen wraps round, as the device expects it.
        x: place.0.cast_unsigned(),
        y: place.1.cast_unsigned(),
        pad: 0,
        resource,
        hot_x,
        hot_y,
        padding: 0,
    };
    boxed(command.as_bytes())
}

/// The fence a command asked for.
pub(super) fn fence_of(command: &[u8]) -> Option<u64> {
    Header::read_from_prefix(command)
        .ok()
        .map(|(header, _)| header.fence)
}

/// The kind of a command and of its answer, where that is an error.
pub(super) fn refusal(command: &[u8], answer: &[u8]) -> Option<(u32, u32)> {
    let kind = |bytes: &[u8]| Header::read_from_prefix(bytes).map_or(0, |(header, _)| header.kind);
    let said = kind(answer);
    (said >= FIRST_ERROR || said == 0).then(|| (kind(command), said))
}

/// Width and height of each display that is on.
pub(super) fn displays(answer: &[u8]) -> Vec<Option<(u32, u32)>> {
    let Ok((header, mut rest)) = Header::read_from_prefix(answer) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    while header.kind == OK_DISPLAY_INFO
        && let Ok((one, after)) = DisplayOne::read_from_prefix(rest)
    {
        found.push((one.enabled != 0).then_some((one.area.width, one.area.height)));
        rest = after;
    }
    found
}

/// The bytes of an EDID.
pub(super) fn edid_bytes(answer: &[u8]) -> Vec<u8> {
    let Ok((header, rest)) = Header::read_from_prefix(answer) else {
        return Vec::new();
    };
    let size = u32::read_from_prefix(rest).map_or(0, |(size, _)| size as usize);
    match rest.get(8..8 + size.min(1024)) {
        Some(bytes) if header.kind == OK_EDID => bytes.to_vec(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_have_their_layout() {
        let rect = Rect::new(3, 4, 13, 24);
        let bytes = encode(
            &Op::Transfer {
                resource: 7,
                rect,
                offset: 0x1122,
            },
            9,
        );
        assert_eq!(bytes.len(), 56);
        assert_eq!(fence_of(&bytes), Some(9));
        assert_eq!(bytes.get(24..40).unwrap(), {
            let mut area = Vec::new();
            for word in [3_u32, 4, 10, 20] {
                area.extend_from_slice(&word.to_le_bytes());
            }
            area
        });
        assert_eq!(bytes.get(40..48).unwrap(), 0x1122_u64.to_le_bytes());
        let pieces = alloc::vec![(0x4000_0000, 4096), (0x4100_0000, 8192)];
        assert_eq!(
            encode(
                &Op::Attach {
                    resource: 1,
                    pieces
                },
                1
            )
            .len(),
            64
        );
    }

    #[test]
    fn answers_are_read_and_errors_seen() {
        let mut answer = alloc::vec![0_u8; DISPLAY_INFO];
        answer
            .get_mut(..4)
            .unwrap()
            .copy_from_slice(&OK_DISPLAY_INFO.to_le_bytes());
        answer
            .get_mut(32..36)
            .unwrap()
            .copy_from_slice(&1280_u32.to_le_bytes());
        answer
            .get_mut(36..40)
            .unwrap()
            .copy_from_slice(&800_u32.to_le_bytes());
        answer
            .get_mut(40..44)
            .unwrap()
            .copy_from_slice(&1_u32.to_le_bytes());
        let found = displays(&answer);
        assert_eq!((found.len(), found.first()), (16, Some(&Some((1280, 800)))));
        let command = display_info(1);
        assert_eq!(refusal(&command, &answer), None);
        assert_eq!(
            refusal(&command, &0x1203_u32.to_le_bytes().repeat(6)),
            Some((0x100, 0x1203))
        );
        assert_eq!(edid_bytes(&answer), Vec::<u8>::new());
    }
}
