//! Display modes: from an EDID, from the table of common ones, or computed (VESA CVT 1.1).

use abi::drm::mode::{
    DRM_MODE_FLAG_NHSYNC, DRM_MODE_FLAG_NVSYNC, DRM_MODE_FLAG_PHSYNC, DRM_MODE_FLAG_PVSYNC,
    DRM_MODE_TYPE_DRIVER, DRM_MODE_TYPE_PREFERRED, DrmModeInfo,
};
use abi::{Errno, Result};
use alloc::format;
use alloc::vec::Vec;

use super::engine::Scanout;

/// What a display without a size of its own gets.
const DEFAULT: (u32, u32) = (1024, 768);
const REFRESH: u32 = 60;

/// Sync polarities of the table: horizontal, vertical.
const NN: u32 = DRM_MODE_FLAG_NHSYNC | DRM_MODE_FLAG_NVSYNC;
const NP: u32 = DRM_MODE_FLAG_NHSYNC | DRM_MODE_FLAG_PVSYNC;
const PP: u32 = DRM_MODE_FLAG_PHSYNC | DRM_MODE_FLAG_PVSYNC;

/// Clock in kHz; display, sync start, sync end and total, across and down; polarities.
type Timing = (u32, [u16; 4], [u16; 4], u32);

/// Common modes at 60 Hz (VESA DMT 1.13).
const COMMON: [Timing; 11] = [
    (
        193_250,
        [1920, 2056, 2256, 2592],
        [1200, 1203, 1209, 1245],
        NP,
    ),
    (
        148_500,
        [1920, 2008, 2052, 2200],
        [1080, 1084, 1089, 1125],
        PP,
    ),
    (
        146_250,
        [1680, 1784, 1960, 2240],
        [1050, 1053, 1059, 1089],
        NP,
    ),
    (
        162_000,
        [1600, 1664, 1856, 2160],
        [1200, 1201, 1204, 1250],
        PP,
    ),
    (106_500, [1440, 1520, 1672, 1904], [900, 903, 909, 934], NP),
    (
        108_000,
        [1280, 1328, 1440, 1688],
        [1024, 1025, 1028, 1066],
        PP,
    ),
    (83_500, [1280, 1352, 1480, 1680], [800, 803, 809, 831], NP),
    (74_250, [1280, 1390, 1430, 1650], [720, 725, 730, 750], PP),
    (65_000, [1024, 1048, 1184, 1344], [768, 771, 777, 806], NN),
    (40_000, [800, 840, 968, 1056], [600, 601, 605, 628], PP),
    (25_175, [640, 656, 752, 800], [480, 490, 492, 525], NN),
];

fn mode((clock, across, down, flags): Timing, kind: u32) -> DrmModeInfo {
    let [hdisplay, hsync_start, hsync_end, htotal] = across;
    let [vdisplay, vsync_start, vsync_end, vtotal] = down;
    let mut mode = DrmModeInfo {
        clock,
        hdisplay,
        hsync_start,
        hsync_end,
        htotal,
        vdisplay,
        vsync_start,
        vsync_end,
        vtotal,
        flags,
        kind,
        ..DrmModeInfo::default()
    };
    mode.vrefresh = refresh(&mode);
    let name = format!("{hdisplay}x{vdisplay}");
    for (to, from) in mode.name.iter_mut().zip(name.bytes()) {
        *to = from;
    }
    mode
}

/// Frames a second, rounded.
#[must_use]
pub fn refresh(mode: &DrmModeInfo) -> u32 {
    let pixels = u64::from(mode.htotal) * u64::from(mode.vtotal);
    let clock = u64::from(mode.clock) * 1000;
    u32::try_from((clock + pixels / 2).checked_div(pixels).unwrap_or(0)).unwrap_or(u32::MAX)
}

/// Whether a program's mode can be: its parts lie in their order.
///
/// # Errors
/// `EINVAL`
pub fn check(mode: &DrmModeInfo) -> Result<()> {
    let ordered = |parts: [u16; 4]| parts.is_sorted() && parts[0] > 0 && parts[3] > 0;
    let fits = mode.clock > 0
        && ordered([mode.hdisplay, mode.hsync_start, mode.hsync_end, mode.htotal])
        && ordered([mode.vdisplay, mode.vsync_start, mode.vsync_end, mode.vtotal]);
    if fits { Ok(()) } else { Err(Errno::EINVAL) }
}

/// A mode of this size, as CVT computes it: without margins, with full blanking.
#[must_use]
pub fn computed(width: u32, height: u32, refresh: u32) -> Option<DrmModeInfo> {
    const STEP: u32 = 8;
    const MIN_PORCH: u32 = 3;
    const MIN_SYNC_AND_BACK_US: u32 = 550;
    if !(STEP..=8192).contains(&width) || !(1..=8192).contains(&height) || refresh == 0 {
        return None;
    }
    let across = width - width % STEP;
    let is = |of: u32, to: u32| height.is_multiple_of(of) && height / of * to == width;
    let sync = match () {
        () if is(3, 4) => 4,
        () if is(9, 16) => 5,
        () if is(10, 16) => 6,
        () if is(4, 5) || is(9, 15) => 7,
        () => 10,
    };
    // Nanoseconds a line takes.
    let frame = 1_000_000_000_u32.checked_sub(MIN_SYNC_AND_BACK_US * 1000 * refresh)?;
    let line = (u64::from(frame) * 2)
        .checked_div(u64::from((height + MIN_PORCH) * 2) * u64::from(refresh))?;
    let line = u32::try_from(line).ok().filter(|line| *line > 0)?;
    let sync_and_back = (MIN_SYNC_AND_BACK_US * 1000 / line + 1).max(sync + MIN_PORCH);
    let vtotal = height + sync_and_back + MIN_PORCH;
    let percentage = 30_000_u32.saturating_sub(300 * line / 1000).max(20_000);
    let mut blank = across * percentage / (100_000 - percentage);
    blank -= blank % (2 * STEP);
    let htotal = across + blank;
    let hsync_end = across + blank / 2;
    let hsync_start = hsync_end - htotal * STEP / 100;
    let hsync_start = hsync_start + STEP - hsync_start % STEP;
    let clock = u32::try_from(u64::from(htotal) * 1_000_000 / u64::from(line)).ok()?;
    let vsync_start = height + MIN_PORCH;
    let short = |value: u32| u16::try_from(value).unwrap_or(u16::MAX);
    let timing = (
        clock - clock % 250,
        [across, hsync_start, hsync_end, htotal].map(short),
        [height, vsync_start, vsync_start + sync, vtotal].map(short),
        NP,
    );
    Some(mode(timing, DRM_MODE_TYPE_DRIVER))
}

/// The mode of a size: a common one, or computed.
fn of_size(width: u32, height: u32, refresh: u32) -> Option<DrmModeInfo> {
    COMMON
        .iter()
        .find(|(_, across, down, _)| {
            refresh == REFRESH && (u32::from(across[0]), u32::from(down[0])) == (width, height)
        })
        .map(|timing| mode(*timing, DRM_MODE_TYPE_DRIVER))
        .or_else(|| computed(width, height, refresh))
}

/// What an EDID says (VESA E-EDID 1.4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Edid {
    /// Its modes, the first detailed one preferred.
    pub modes: Vec<DrmModeInfo>,
    /// Width and height in millimetres.
    pub millimetres: (u32, u32),
}

/// Reads an EDID's first block; `None` for what is none.
#[must_use]
pub fn parse_edid(edid: &[u8]) -> Option<Edid> {
    let block: &[u8; 128] = edid.first_chunk()?;
    let magic = [0, 255, 255, 255, 255, 255, 255, 0];
    let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    if !block.starts_with(&magic) || sum != 0 {
        return None;
    }
    let mut found = Edid {
        // A detailed timing has its own, more exact one; Linux tells this one.
        millimetres: (u32::from(block[21]) * 10, u32::from(block[22]) * 10),
        ..Edid::default()
    };
    for descriptor in block[54..126].chunks_exact(18) {
        let Some(timing) = detailed(descriptor) else {
            continue;
        };
        let first = found.modes.is_empty();
        let preferred = if first { DRM_MODE_TYPE_PREFERRED } else { 0 };
        found
            .modes
            .push(mode(timing, DRM_MODE_TYPE_DRIVER | preferred));
    }
    for (bit, width, height) in [(5, 640, 480), (0, 800, 600)] {
        if block[35] & 1 << bit != 0 {
            found.modes.extend(of_size(width, height, REFRESH));
        }
    }
    if block[36] & 1 << 3 != 0 {
        found.modes.extend(of_size(1024, 768, REFRESH));
    }
    for standard in block[38..54].chunks_exact(2) {
        let (&[first, second], true) = (standard, standard != [1, 1]) else {
            continue;
        };
        let width = (u32::from(first) + 31) * 8;
        let height = match second >> 6 {
            0 => width * 10 / 16,
            1 => width * 3 / 4,
            2 => width * 4 / 5,
            _ => width * 9 / 16,
        };
        found
            .modes
            .extend(of_size(width, height, u32::from(second & 63) + 60));
    }
    Some(found)
}

/// A detailed timing.
fn detailed(bytes: &[u8]) -> Option<Timing> {
    let bytes: &[u8; 18] = bytes.try_into().ok()?;
    let clock = u32::from(u16::from_le_bytes([bytes[0], bytes[1]])) * 10;
    let wide = |low: u8, high: u8| u16::from(low) | u16::from(high & 15) << 8;
    let (hactive, hblank) = (wide(bytes[2], bytes[4] >> 4), wide(bytes[3], bytes[4]));
    let (vactive, vblank) = (wide(bytes[5], bytes[7] >> 4), wide(bytes[6], bytes[7]));
    let more = u16::from(bytes[11]);
    let hfront = u16::from(bytes[8]) | (more >> 6 & 3) << 8;
    let hsync = u16::from(bytes[9]) | (more >> 4 & 3) << 8;
    let vfront = u16::from(bytes[10] >> 4) | (more >> 2 & 3) << 4;
    let vsync = u16::from(bytes[10] & 15) | (more & 3) << 4;
    let interlaced = bytes[17] & 0x80 != 0;
    if clock == 0 || hactive < 64 || vactive < 64 || interlaced {
        return None;
    }
    let across = [
        hactive,
        hactive + hfront,
        hactive + hfront + hsync,
        hactive + hblank,
    ];
    let down = [
        vactive,
        vactive + vfront,
        vactive + vfront + vsync,
        vactive + vblank,
    ];
    if !across.is_sorted() || !down.is_sorted() {
        return None;
    }
    // Digital separate syncs say their polarity.
    let horizontal = if bytes[17] & 2 != 0 {
        DRM_MODE_FLAG_PHSYNC
    } else {
        DRM_MODE_FLAG_NHSYNC
    };
    let vertical = if bytes[17] & 4 != 0 {
        DRM_MODE_FLAG_PVSYNC
    } else {
        DRM_MODE_FLAG_NVSYNC
    };
    Some((clock, across, down, horizontal | vertical))
}

/// The modes of a display, the preferred one first, then from the largest, and its size in millimetres.
#[must_use]
pub fn of_display(display: &Scanout) -> (Vec<DrmModeInfo>, (u32, u32)) {
    let Some((width, height)) = display.size else {
        return (Vec::new(), (0, 0));
    };
    let told = parse_edid(&display.edid).filter(|edid| !edid.modes.is_empty());
    let mut edid = told.unwrap_or_else(|| without_edid(width, height));
    sync::order::sort_by_key(&mut edid.modes, |mode| {
        let preferred = mode.kind & DRM_MODE_TYPE_PREFERRED != 0;
        let area = u32::from(mode.hdisplay) * u32::from(mode.vdisplay);
        core::cmp::Reverse((preferred, area, mode.hdisplay, mode.vrefresh))
    });
    // The same mode twice is one.
    edid.modes
        .dedup_by_key(|mode| (mode.hdisplay, mode.vdisplay, mode.vrefresh));
    (edid.modes, edid.millimetres)
}

fn without_edid(width: u32, height: u32) -> Edid {
    let (width, height) = if width == 0 || height == 0 {
        DEFAULT
    } else {
        (width, height)
    };
    let mut modes: Vec<DrmModeInfo> = COMMON
        .iter()
        .map(|timing| mode(*timing, DRM_MODE_TYPE_DRIVER))
        .collect();
    if let Some(mut own) = computed(width, height, REFRESH) {
        own.kind |= DRM_MODE_TYPE_PREFERRED;
        modes.push(own);
    }
    Edid {
        modes,
        millimetres: (0, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_modes_are_the_tables() {
        // Those of the table that VESA computed by CVT themselves; at 1440x900 Linux steps past a start that needs no
        // rounding, and so does this.
        for index in [0, 2, 6] {
            let wanted = mode(COMMON[index], DRM_MODE_TYPE_DRIVER);
            let got = computed(wanted.hdisplay.into(), wanted.vdisplay.into(), 60).unwrap();
            assert_eq!(got, wanted);
        }
        assert_eq!(computed(0, 100, 60), None);
        for mode in COMMON {
            let mode = super::mode(mode, 0);
            assert_eq!((mode.vrefresh, check(&mode)), (60, Ok(())));
        }
    }

    #[test]
    fn an_edid_is_read() {
        let mut block = [0_u8; 128];
        block[..8].copy_from_slice(&[0, 255, 255, 255, 255, 255, 255, 0]);
        block[21..23].copy_from_slice(&[32, 20]);
        block[35] = 1 << 5;
        for pair in block[38..54].chunks_exact_mut(2) {
            pair.copy_from_slice(&[1, 1]);
        }
        // 1280x800: 83.5 MHz, 1280+400, 800+31.
        block[54..72].copy_from_slice(&[
            0x9e, 0x20, 0x00, 0x90, 0x51, 0x20, 0x1f, 0x30, 72, 128, 0x36, 0, 0x40, 0xc8, 0x10, 0,
            0, 0x1c,
        ]);
        block[127] =
            0_u8.wrapping_sub(block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte)));
        let edid = parse_edid(&block).unwrap();
        assert_eq!(edid.millimetres, (320, 200));
        let first = &edid.modes[0];
        assert_eq!(
            (first.hdisplay, first.vdisplay, first.vrefresh),
            (1280, 800, 60)
        );
        assert_eq!(first.kind, DRM_MODE_TYPE_DRIVER | DRM_MODE_TYPE_PREFERRED);
        assert_eq!(edid.modes.len(), 2);
        block[0] = 1;
        assert_eq!(parse_edid(&block), None);
        for cut in 0..128 {
            assert_eq!(parse_edid(&block[..cut]), None);
        }
    }

    #[test]
    fn a_display_without_edid_prefers_its_size() {
        let display = Scanout {
            size: Some((1000, 700)),
            edid: Vec::new(),
        };
        let (modes, _) = of_display(&display);
        assert_eq!((modes[0].hdisplay, modes[0].vdisplay), (1000, 700));
        assert_eq!(modes.len(), 12);
        assert_eq!(modes[1].hdisplay, 1920);
        assert_eq!(of_display(&Scanout::default()).0, Vec::new());
    }
}
