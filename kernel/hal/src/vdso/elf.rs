//! An ELF shared object of one page, as C libraries look up their clock calls in it: symbols by the
//! System V hash table, versioned `LINUX_2.6.39`.

use alloc::vec::Vec;

use crate::addr::PAGE_SIZE;

/// Where the code begins in the page.
pub(crate) const CODE_AT: usize = 0x400;

/// A function of the object.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Symbol {
    pub(crate) name: &'static str,
    /// From the start of the code.
    pub(crate) offset: usize,
    pub(crate) size: usize,
}

const VERSION: &str = "LINUX_2.6.39";
const NAME: &str = "linux-vdso.so.1";

/// The hash function of the System V ABI.
fn hash(name: &str) -> u32 {
    name.bytes().fold(0u32, |hash, byte| {
        let hash = (hash << 4).wrapping_add(u32::from(byte));
        let high = hash & 0xf000_0000;
        (hash ^ (high >> 24)) & !high
    })
}

/// Bytes in the making.
struct Writer(Vec<u8>);

impl Writer {
    fn at(&self) -> u64 {
        self.0.len() as u64
    }

    fn u16(&mut self, value: u16) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u32(&mut self, value: u32) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    fn align(&mut self) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
    }

    fn header(&mut self, dynamic: u64, dynamic_size: u64, size: u64) {
        self.0
            .extend_from_slice(b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
        self.u16(3); // ET_DYN
        self.u16(183); // AArch64
        self.u32(1);
        self.u64(CODE_AT as u64);
        self.u64(64); // program headers follow
        self.u64(0);
        self.u32(0);
        for half in [64, 56, 2, 64, 0, 0] {
            self.u16(half);
        }
        // PT_LOAD, read and execute; PT_DYNAMIC, read.
        for (kind, flags, at, len, align) in
            [(1, 5, 0, size, 4096), (2, 4, dynamic, dynamic_size, 8)]
        {
            self.u32(kind);
            self.u32(flags);
            for value in [at, at, at, len, len, align] {
                self.u64(value);
            }
        }
    }
}

/// Offsets of names in a string table.
struct Names {
    bytes: Vec<u8>,
}

impl Names {
    fn add(&mut self, name: &str) -> u32 {
        let at = self.bytes.len() as u32;
        self.bytes.extend_from_slice(name.as_bytes());
        self.bytes.push(0);
        at
    }
}

/// The object as one page; `None` when it does not fit.
pub(crate) fn image(code: &[u8], symbols: &[Symbol]) -> Option<Vec<u8>> {
    // The layout is found by writing twice: first with tables at 0.
    let (_, tables) = write(code, symbols, Tables::default())?;
    let (mut bytes, _) = write(code, symbols, tables)?;
    if bytes.len() > CODE_AT || CODE_AT + code.len() > PAGE_SIZE {
        return None;
    }
    bytes.resize(CODE_AT, 0);
    bytes.extend_from_slice(code);
    bytes.resize(PAGE_SIZE, 0);
    Some(bytes)
}

/// Where the tables are.
#[derive(Clone, Copy, Default)]
struct Tables {
    symbols: u64,
    hash: u64,
    versions: u64,
    definitions: u64,
    strings: u64,
    strings_size: u64,
    dynamic: u64,
    dynamic_size: u64,
}

fn write(code: &[u8], symbols: &[Symbol], known: Tables) -> Option<(Vec<u8>, Tables)> {
    let mut found = Tables::default();
    let mut out = Writer(Vec::new());
    out.0.try_reserve(PAGE_SIZE).ok()?;
    out.header(
        known.dynamic,
        known.dynamic_size,
        (CODE_AT + code.len()) as u64,
    );
    let mut names = Names {
        bytes: alloc::vec![0],
    };

    found.symbols = out.at();
    out.0.resize(out.0.len() + 24, 0); // the null symbol
    for symbol in symbols {
        out.u32(names.add(symbol.name));
        out.0.extend_from_slice(&[0x12, 0]); // global function
        out.u16(1); // any section but the undefined one
        out.u64((CODE_AT + symbol.offset) as u64);
        out.u64(symbol.size as u64);
    }

    found.hash = out.at();
    // One bucket: a chain of all.
    let count = symbols.len() as u32 + 1;
    out.u32(1);
    out.u32(count);
    out.u32(if count > 1 { 1 } else { 0 });
    out.u32(0);
    for next in 2..=count {
        out.u32(if next < count { next } else { 0 });
    }

    found.versions = out.at();
    out.u16(0);
    for _ in symbols {
        out.u16(2);
    }
    out.align();

    found.definitions = out.at();
    let (base, version) = (names.add(NAME), names.add(VERSION));
    for (index, name, text) in [(1u16, base, NAME), (2, version, VERSION)] {
        out.u16(1);
        out.u16(u16::from(index == 1)); // VER_FLG_BASE
        out.u16(index);
        out.u16(1);
        out.u32(hash(text));
        out.u32(20); // the name record follows
        out.u32(if index == 1 { 28 } else { 0 });
        out.u32(name);
        out.u32(0);
    }

    found.strings = out.at();
    found.strings_size = names.bytes.len() as u64;
    out.0.extend_from_slice(&names.bytes);
    out.align();

    found.dynamic = out.at();
    for (tag, value) in [
        (14, u64::from(base)),            // DT_SONAME
        (4, known.hash),                  // DT_HASH
        (5, known.strings),               // DT_STRTAB
        (6, known.symbols),               // DT_SYMTAB
        (10, known.strings_size),         // DT_STRSZ
        (11, 24),                         // DT_SYMENT
        (0x6fff_fff0, known.versions),    // DT_VERSYM
        (0x6fff_fffc, known.definitions), // DT_VERDEF
        (0x6fff_fffd, 2),                 // DT_VERDEFNUM
        (0, 0),
    ] {
        out.u64(tag);
        out.u64(value);
    }
    found.dynamic_size = out.at() - found.dynamic;
    Some((out.0, found))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SYMBOLS: [Symbol; 2] = [
        Symbol {
            name: "__kernel_clock_gettime",
            offset: 0,
            size: 8,
        },
        Symbol {
            name: "__kernel_rt_sigreturn",
            offset: 8,
            size: 8,
        },
    ];

    fn word(bytes: &[u8], at: u64) -> u32 {
        let at = at as usize;
        u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap_or_default())
    }

    fn long(bytes: &[u8], at: u64) -> u64 {
        let at = at as usize;
        u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap_or_default())
    }

    fn text(bytes: &[u8], at: u64) -> &str {
        let bytes = &bytes[at as usize..];
        core::str::from_utf8(&bytes[..bytes.iter().position(|&byte| byte == 0).unwrap_or(0)])
            .unwrap_or("")
    }

    /// Finds a symbol the way a C library does.
    fn look_up(bytes: &[u8], name: &str, version: &str) -> Option<u64> {
        let headers = long(bytes, 32);
        let dynamic = (0..2)
            .map(|n| headers + 56 * n)
            .find(|&at| word(bytes, at) == 2)?;
        let mut at = long(bytes, dynamic + 16);
        let mut tags = std::collections::HashMap::new();
        while long(bytes, at) != 0 {
            tags.insert(long(bytes, at), long(bytes, at + 8));
            at += 16;
        }
        let (strings, symbols) = (tags[&5], tags[&6]);
        let (versions, definitions, table) = (tags[&0x6fff_fff0], tags[&0x6fff_fffc], tags[&4]);
        for n in 0..u64::from(word(bytes, table + 4)) {
            let symbol = symbols + 24 * n;
            if text(bytes, strings + u64::from(word(bytes, symbol))) != name {
                continue;
            }
            let index = word(bytes, versions + 2 * n) as u16;
            let mut definition = definitions;
            while word(bytes, definition + 4) as u16 != index {
                definition += u64::from(word(bytes, definition + 16));
            }
            let aux = definition + u64::from(word(bytes, definition + 12));
            if text(bytes, strings + u64::from(word(bytes, aux))) == version {
                return Some(long(bytes, symbol + 8));
            }
        }
        None
    }

    #[test]
    fn libraries_find_versioned_symbols() {
        let bytes = image(&[0; 16], &SYMBOLS).expect("fits");
        assert_eq!(bytes.len(), PAGE_SIZE);
        assert_eq!(
            look_up(&bytes, "__kernel_clock_gettime", "LINUX_2.6.39"),
            Some(CODE_AT as u64)
        );
        assert_eq!(
            look_up(&bytes, "__kernel_rt_sigreturn", "LINUX_2.6.39"),
            Some(CODE_AT as u64 + 8)
        );
        assert_eq!(look_up(&bytes, "__kernel_clock_gettime", "LINUX_2.6"), None);
    }

    #[test]
    fn the_version_hash_is_the_system_v_one() {
        assert_eq!(hash(VERSION), 0x075f_cb89);
    }

    #[test]
    fn code_that_does_not_fit_is_refused() {
        assert!(image(&[0; PAGE_SIZE], &SYMBOLS).is_none());
    }
}
