//! Sets of event types and codes, as the bytes programs see.

use abi::input::{
    ABS_CNT, EV_ABS, EV_CNT, EV_FF, EV_KEY, EV_LED, EV_MSC, EV_REL, EV_SND, EV_SW, EV_SYN, FF_CNT,
    KEY_CNT, LED_CNT, MSC_CNT, REL_CNT, SND_CNT, SW_CNT,
};
use alloc::vec;
use alloc::vec::Vec;

/// A set of small numbers; a whole number of words, as Linux keeps them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Bits(Vec<u8>);

impl Bits {
    /// The empty set of numbers below `count`.
    #[must_use]
    pub fn new(count: usize) -> Self {
        Self(vec![0; count.div_ceil(64) * 8])
    }

    /// The numbers below `count` that are set in `bytes`.
    #[must_use]
    pub fn from_bytes(count: usize, bytes: &[u8]) -> Self {
        let mut set = Self::new(count);
        for number in 0..count {
            let byte = bytes.get(number / 8).copied().unwrap_or(0);
            set.put(number, byte >> (number % 8) & 1 != 0);
        }
        set
    }

    /// Whether a number is in it.
    #[must_use]
    pub fn has(&self, number: usize) -> bool {
        self.0
            .get(number / 8)
            .is_some_and(|byte| byte >> (number % 8) & 1 != 0)
    }

    /// Puts a number in, or takes it out.
    pub fn put(&mut self, number: usize, on: bool) {
        if let Some(byte) = self.0.get_mut(number / 8) {
            let bit = 1 << (number % 8);
            *byte = if on { *byte | bit } else { *byte & !bit };
        }
    }

    /// How many are in it.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// The numbers in it from `first` on.
    #[must_use]
    pub fn list(&self, first: usize) -> Vec<usize> {
        (first..self.0.len() * 8)
            .filter(|number| self.has(*number))
            .collect()
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// As sysfs shows it: words in hexadecimal, the highest first, leading zeroes left out.
    #[must_use]
    pub fn text(&self) -> alloc::string::String {
        let mut out = alloc::string::String::new();
        for word in self.0.chunks_exact(8).rev() {
            let word = word
                .iter()
                .rev()
                .fold(0_u64, |all, byte| all << 8 | u64::from(*byte));
            if out.is_empty() {
                if word != 0 {
                    out = alloc::format!("{word:x}");
                }
            } else {
                out.push_str(&alloc::format!(" {word:x}"));
            }
        }
        if out.is_empty() { "0".into() } else { out }
    }
}

/// How many codes a type of event has; `None` where no set of them is kept.
#[must_use]
pub fn codes(kind: u16) -> Option<usize> {
    Some(match kind {
        EV_SYN => EV_CNT,
        EV_KEY => KEY_CNT,
        EV_REL => REL_CNT,
        EV_ABS => ABS_CNT,
        EV_MSC => MSC_CNT,
        EV_SW => SW_CNT,
        EV_LED => LED_CNT,
        EV_SND => SND_CNT,
        EV_FF => FF_CNT,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_kept_and_shown() {
        let mut set = Bits::new(70);
        assert_eq!((set.bytes().len(), set.text()), (16, "0".into()));
        set.put(1, true);
        set.put(65, true);
        set.put(500, true);
        assert!(set.has(1) && set.has(65) && !set.has(2) && !set.has(500));
        assert_eq!((set.count(), set.text()), (2, "2 2".into()));
        set.put(65, false);
        assert_eq!(set.text(), "2");
        assert_eq!(Bits::from_bytes(9, &[0xff, 0xff, 0xff]).count(), 9);
    }
}
