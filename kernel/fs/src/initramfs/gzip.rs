//! The frame around compressed data (RFC 1952) and its checksum. Pure.

/// Where the compressed data of a member begins.
///
/// # Errors
/// A reason, when this is no gzip header or it is cut off.
pub fn header_len(bytes: &[u8]) -> Result<usize, &'static str> {
    const HAS_CRC: u8 = 2;
    const HAS_EXTRA: u8 = 4;
    const HAS_NAME: u8 = 8;
    const HAS_COMMENT: u8 = 16;
    const CUT: &str = "gzip header is cut off";
    let Some([0x1f, 0x8b, method, flags, ..]) = bytes.get(..10) else {
        return Err(CUT);
    };
    if *method != 8 {
        return Err("unknown gzip method");
    }
    if flags & 0xe0 != 0 {
        return Err("reserved gzip flags");
    }
    let mut at = 10;
    if flags & HAS_EXTRA != 0 {
        let Some([low, high]) = bytes.get(at..at + 2) else {
            return Err(CUT);
        };
        at += 2 + usize::from(u16::from_le_bytes([*low, *high]));
    }
    for text in [HAS_NAME, HAS_COMMENT] {
        if flags & text != 0 {
            let rest = bytes.get(at..).ok_or(CUT)?;
            at += rest.iter().position(|byte| *byte == 0).ok_or(CUT)? + 1;
        }
    }
    if flags & HAS_CRC != 0 {
        at += 2;
    }
    if at > bytes.len() { Err(CUT) } else { Ok(at) }
}

const TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut n = 0;
    while n < 256 {
        let mut value = n as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 != 0 {
                0xedb8_8320 ^ (value >> 1)
            } else {
                value >> 1
            };
            bit += 1;
        }
        #[allow(
            clippy::indexing_slicing,
            reason = "evaluated at compile time, in bounds"
        )]
        {
            table[n] = value;
        }
        n += 1;
    }
    table
};

/// The running CRC-32 and length of what was unpacked.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    crc: u32,
    len: u32,
}

impl Default for Check {
    fn default() -> Self {
        Self { crc: !0, len: 0 }
    }
}

impl Check {
    /// Counts `bytes`.
    pub fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            let at = (self.crc ^ u32::from(*byte)) & 0xff;
            self.crc = TABLE.get(at as usize).copied().unwrap_or(0) ^ (self.crc >> 8);
        }
        self.len = self.len.wrapping_add(bytes.len() as u32);
    }

    /// Whether `trailer`, the 8 bytes after a member's data, says the same.
    ///
    /// # Errors
    /// A reason, when it does not.
    pub fn verify(&self, trailer: &[u8]) -> Result<(), &'static str> {
        let Some((crc, len)) = trailer.split_first_chunk::<4>() else {
            return Err("gzip trailer is cut off");
        };
        let Some(len) = len.first_chunk::<4>() else {
            return Err("gzip trailer is cut off");
        };
        if u32::from_le_bytes(*crc) != !self.crc {
            return Err("crc error");
        }
        if u32::from_le_bytes(*len) != self.len {
            return Err("length error");
        }
        Ok(())
    }
}
