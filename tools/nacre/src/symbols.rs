//! Function names for the kernel's backtraces, written into the room its linker script keeps.
//!
//! The form is told in `kernel/hal/src/aarch64/symbols.rs`. Names are short there: arguments of generics are left out, and
//! a name's beginning that is the one's before it is not told again, and pairs of bytes that are frequent become one byte,
//! again and again, as long as there are bytes no name uses.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use anyhow::{Context, Result, bail};
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, Sym};
use object::{Endianness, SectionIndex};

/// Longest names that are tried, in characters, until all fit.
const LENGTHS: [usize; 4] = [80, 60, 40, 24];

/// How deep pairs may stand in pairs: the kernel follows them no further.
const DEEPEST: u32 = 12;

/// What each byte of a name stands for: a pair of bytes, or, beginning with 0, itself.
type Pairs = [(u8, u8); 256];

/// Fills the room in `image`, the kernel as it stands in memory from its first address on.
///
/// # Errors
/// The file has no symbols, or the room is too small for names of 24 characters.
pub fn fill(file: &[u8], image: &mut [u8]) -> Result<()> {
    let (functions, named) = read(file)?;
    let place = |name: &str| {
        named
            .get(name)
            .copied()
            .with_context(|| format!("no symbol {name} in the kernel"))
    };
    let (base, start, end) = (
        place("_start")?,
        place("__ksyms_start")?,
        place("__ksyms_end")?,
    );
    let from = usize::try_from(start.saturating_sub(base))?;
    let to = usize::try_from(end.saturating_sub(base))?;
    let room = image
        .get_mut(from..to)
        .context("the room for names is not in the image")?;
    for longest in LENGTHS {
        let table = table(&functions, base, longest)?;
        if let Some(target) = room.get_mut(..table.len()) {
            target.copy_from_slice(&table);
            return Ok(());
        }
    }
    bail!(
        "{} function names do not fit in {} bytes: kernel/hal/kernel.ld keeps the room",
        functions.len(),
        room.len()
    );
}

/// Functions by address, and all symbols by name.
fn read(file: &[u8]) -> Result<(BTreeMap<u64, String>, BTreeMap<String, u64>)> {
    let parsed = ElfFile64::<Endianness>::parse(file).context("not a 64-bit ELF file")?;
    let (endian, header) = (parsed.endian(), parsed.elf_header());
    let sections = header.sections(endian, file).context("section table")?;
    let symbols = sections
        .symbols(endian, file, elf::SHT_SYMTAB)
        .context("symbol table")?;
    let mut functions = BTreeMap::new();
    let mut named = BTreeMap::new();
    let text = sections
        .enumerate()
        .find(|(_, section)| sections.section_name(endian, section) == Ok(b".text"))
        .map(|(index, _)| index);
    for (index, symbol) in symbols.enumerate() {
        let name = String::from_utf8_lossy(
            symbol
                .name(endian, symbols.strings())
                .context("symbol name")?,
        );
        // Mapping symbols ($x, $d) and labels name no function.
        if name.is_empty() || name.starts_with(['$', '.']) {
            continue;
        }
        let section: Option<SectionIndex> =
            symbols.symbol_section(endian, symbol, index).ok().flatten();
        let address = symbol.st_value(endian);
        if section == text && symbol.st_type() != elf::STT_SECTION {
            functions.insert(address, format!("{:#}", rustc_demangle::demangle(&name)));
        }
        named.insert(name.into_owned(), address);
    }
    if functions.is_empty() {
        bail!("the kernel has no symbols: it must not be stripped before its Image is made");
    }
    Ok((functions, named))
}

fn table(functions: &BTreeMap<u64, String>, base: u64, longest: usize) -> Result<Vec<u8>> {
    let shown: Vec<String> = functions
        .values()
        .map(|name| shorten(name, longest))
        .collect();
    // Instances of one generic function share its name.
    let names: BTreeSet<&String> = shown.iter().collect();
    let numbers: HashMap<&String, usize> = names.iter().copied().zip(0..).collect();
    let (kept, mut stored) = without_beginnings(&names);
    let pairs = pack(&mut stored);
    let mut table = u32::try_from(functions.len())?.to_le_bytes().to_vec();
    table.extend(pairs.iter().flat_map(|(first, second)| [*first, *second]));
    let mut before = base;
    for (address, name) in functions.keys().zip(&shown) {
        let address = address & !3;
        let mut distance = address.saturating_sub(before) >> 2;
        before = address;
        while distance >= 0x80 {
            table.push(u8::try_from(distance & 0x7f)? | 0x80);
            distance >>= 7;
        }
        table.push(u8::try_from(distance)?);
        let number = numbers.get(name).context("a name without a number")?;
        table.extend(u16::try_from(*number)?.to_le_bytes());
    }
    for (kept, name) in kept.into_iter().zip(stored) {
        table.extend([kept, u8::try_from(name.len())?]);
        table.extend(name);
    }
    Ok(table)
}

/// Names in alphabetical order: how much each has of the one before it, and what follows that.
fn without_beginnings(names: &BTreeSet<&String>) -> (Vec<u8>, Vec<Vec<u8>>) {
    let mut before: &[u8] = &[];
    let parts = names.iter().map(|name| {
        let same = name.bytes().zip(before).take_while(|(a, b)| a == *b);
        let (kept, rest) = name.as_bytes().split_at(same.take(255).count());
        before = name.as_bytes();
        (u8::try_from(kept.len()).unwrap_or(u8::MAX), rest.to_vec())
    });
    parts.unzip()
}

/// Gives each byte that no name uses to the pair of bytes that is then the most frequent.
fn pack(names: &mut [Vec<u8>]) -> Pairs {
    let mut pairs = [(0, 0); 256];
    let mut depth: HashMap<u8, u32> = HashMap::new();
    let used: BTreeSet<u8> = names.iter().flatten().copied().collect();
    for byte in (1..=u8::MAX).filter(|byte| !used.contains(byte)) {
        let mut counts: HashMap<(u8, u8), u32> = HashMap::new();
        for name in names.iter() {
            for (first, second) in name.iter().zip(name.iter().skip(1)) {
                *counts.entry((*first, *second)).or_default() += 1;
            }
        }
        let deep = |(first, second): (u8, u8)| {
            depth
                .get(&first)
                .max(depth.get(&second))
                .map_or(1, |d| d + 1)
        };
        let best = counts
            .into_iter()
            .filter(|(pair, count)| *count > 2 && deep(*pair) <= DEEPEST)
            .max_by_key(|(pair, count)| (*count, *pair));
        let Some((pair, _)) = best else { break };
        depth.insert(byte, deep(pair));
        if let Some(place) = pairs.get_mut(usize::from(byte)) {
            *place = pair;
        }
        for name in names.iter_mut() {
            *name = join(name, pair, byte);
        }
    }
    pairs
}

/// `name` with `byte` for each `pair`.
fn join(name: &[u8], pair: (u8, u8), byte: u8) -> Vec<u8> {
    let mut joined = Vec::with_capacity(name.len());
    for next in name {
        if *next == pair.1 && joined.last() == Some(&pair.0) {
            joined.pop();
            joined.push(byte);
        } else {
            joined.push(*next);
        }
    }
    joined
}

/// A name without the arguments of generics; of a long one the end, which tells more than its beginning.
fn shorten(name: &str, longest: usize) -> String {
    let mut plain = String::new();
    let mut inside = 0_u32;
    let mut last = ' ';
    for character in name.chars().filter(char::is_ascii) {
        match character {
            '<' if inside > 0 || last.is_alphanumeric() || "_:}".contains(last) => inside += 1,
            // The arrow of a function's type closes nothing.
            '>' if inside > 0 && last != '-' => inside -= 1,
            _ if inside == 0 => plain.push(character),
            _ => {}
        }
        last = character;
    }
    let plain = plain.replace("::::", "::");
    let from = plain.len().saturating_sub(longest);
    plain.get(from..).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does with a stored name.
    fn expand(pairs: &[u8], byte: u8, into: &mut String) {
        let at = 2 * usize::from(byte);
        match pairs.get(at..at + 2) {
            Some(&[first, second]) if first != 0 => {
                expand(pairs, first, into);
                expand(pairs, second, into);
            }
            _ => into.push(char::from(byte)),
        }
    }

    #[test]
    fn a_table_has_a_count_pairs_functions_and_names() -> Result<()> {
        let functions = BTreeMap::from([
            (0x1000, "a".to_owned()),
            (0x1010, "long::name".to_owned()),
            (0x2010, "a".to_owned()),
        ]);
        let table = table(&functions, 0x1000, 6)?;
        assert_eq!(table.get(..4), Some(&3_u32.to_le_bytes()[..]));
        let expected = [
            &[0, 1, 0][..],
            &[4, 0, 0],
            &[0x80, 8, 1, 0],
            b"\0\x06::name\0\x01a",
        ]
        .concat();
        assert_eq!(table.get(516..), Some(&*expected));
        Ok(())
    }

    #[test]
    fn packed_names_expand_to_themselves() -> Result<()> {
        let names: Vec<String> = (0..200)
            .map(|n| format!("kernel::part::{n}::part"))
            .collect();
        let functions: BTreeMap<u64, String> = (0..).step_by(8).zip(names.clone()).collect();
        let table = table(&functions, 0, 80)?;
        let pairs = table.get(4..516).context("pairs")?;
        let mut rest = table.get(516 + 3 * names.len()..).context("names")?;
        assert!(rest.len() < 900);
        let mut told = BTreeSet::new();
        let mut before = String::new();
        while let Some(([kept, length], behind)) = rest.split_first_chunk() {
            let (name, behind) = behind.split_at(usize::from(*length));
            let mut whole = before.get(..usize::from(*kept)).context("kept")?.to_owned();
            name.iter()
                .for_each(|byte| expand(pairs, *byte, &mut whole));
            before.clone_from(&whole);
            told.insert(whole);
            rest = behind;
        }
        assert_eq!(told, names.into_iter().collect());
        Ok(())
    }

    #[test]
    fn names_lose_the_arguments_of_generics() {
        let short = |name| shorten(name, 80);
        assert_eq!(short("a::Map<K, V>::get::<Q>"), "a::Map::get::");
        assert_eq!(short("<a::B<fn() -> C> as D>::e"), "<a::B as D>::e");
        assert_eq!(shorten("long::name", 6), "::name");
    }
}
