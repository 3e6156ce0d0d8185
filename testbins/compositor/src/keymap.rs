//! The keymap that clients get, and which of its modifiers are on.
//!
//! The text is a complete keymap in the form that libxkbcommon reads, written out: keys, types, what modifiers do, and
//! the symbols of an American keyboard.

use std::io::{self, Write};
use std::os::fd::OwnedFd;

use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, memfd_create};

/// The keymap.
pub const TEXT: &str = include_str!("us.xkb");

/// The Shift modifier's bit.
pub const SHIFT: u32 = 1;
/// Caps Lock.
pub const LOCK: u32 = 2;
/// Control.
pub const CONTROL: u32 = 4;
/// Alt is Mod1.
pub const ALT: u32 = 8;
/// Num Lock is Mod2.
pub const NUM: u32 = 16;
/// The logo key is Mod4.
pub const LOGO: u32 = 64;

/// Keys that the compositor knows, by Linux's numbers.
pub const KEY_BACKSPACE: u32 = 14;
/// Tab.
pub const KEY_TAB: u32 = 15;
/// F4.
pub const KEY_F4: u32 = 62;
const KEY_CAPSLOCK: u32 = 58;
const KEY_NUMLOCK: u32 = 69;

/// The keymap in a file that nobody can change or cut short.
///
/// # Errors
/// When there is no memory for it.
pub fn file() -> io::Result<OwnedFd> {
    let file = memfd_create("keymap", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = std::fs::File::from(file);
    // Readers take it for a C string.
    file.write_all(TEXT.as_bytes())?;
    file.write_all(&[0])?;
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
    fcntl_add_seals(&file, seals)?;
    Ok(file.into())
}

/// Which modifiers are on, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Modifiers {
    /// Held.
    pub depressed: u32,
    /// On until the next key; this keymap has none.
    pub latched: u32,
    /// Switched on.
    pub locked: u32,
}

fn bit(key: u32) -> u32 {
    match key {
        42 | 54 => SHIFT,
        29 | 97 => CONTROL,
        56 | 100 => ALT,
        125 | 126 => LOGO,
        _ => 0,
    }
}

impl Modifiers {
    /// Whether one is held.
    pub fn has(self, modifier: u32) -> bool {
        self.depressed & modifier != 0
    }

    /// A key went down or up, and these are held now.
    pub fn update(&mut self, key: u32, down: bool, held: &[u32]) {
        self.depressed = held.iter().fold(0, |all, key| all | bit(*key));
        if down && key == KEY_CAPSLOCK {
            self.locked ^= LOCK;
        }
        if down && key == KEY_NUMLOCK {
            self.locked ^= NUM;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_follow_their_keys() {
        let mut modifiers = Modifiers::default();
        modifiers.update(42, true, &[42]);
        modifiers.update(54, true, &[42, 54]);
        assert!(modifiers.has(SHIFT));
        modifiers.update(42, false, &[54]);
        assert!(modifiers.has(SHIFT) && !modifiers.has(ALT));
        modifiers.update(54, false, &[]);
        assert!(!modifiers.has(SHIFT));
        modifiers.update(KEY_CAPSLOCK, true, &[KEY_CAPSLOCK]);
        modifiers.update(KEY_CAPSLOCK, false, &[]);
        assert_eq!(modifiers.locked, LOCK);
    }

    #[test]
    fn the_file_has_the_text_and_cannot_change() -> io::Result<()> {
        let file = file()?;
        let size = rustix::fs::fstat(&file)?.st_size;
        assert_eq!(size, TEXT.len() as i64 + 1);
        assert!(rustix::fs::ftruncate(&file, 0).is_err());
        Ok(())
    }
}
