//! Function names for the kernel's backtraces, written into the room its linker script keeps.
//!
//! The form is told in `kernel/hal/src/aarch64/symbols.rs`.

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use object::elf;
use object::read::elf::{ElfFile64, FileHeader, Sym};
use object::{Endianness, SectionIndex};

/// Longest names that are tried, in characters, until all fit.
const LENGTHS: [usize; 5] = [120, 80, 60, 40, 24];

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
    let mut pairs = Vec::new();
    let mut names = Vec::new();
    // Instances of one generic function share its name.
    let mut places = BTreeMap::new();
    let first = 4 + functions.len() * 8;
    pairs.extend(u32::try_from(functions.len())?.to_le_bytes());
    for (address, name) in functions {
        pairs.extend(u32::try_from(address.saturating_sub(base))?.to_le_bytes());
        let name = shorten(name, longest);
        let place = *places.entry(name.clone()).or_insert(first + names.len());
        pairs.extend(u32::try_from(place)?.to_le_bytes());
        if place == first + names.len() {
            names.extend(name.into_bytes());
            names.push(0);
        }
    }
    pairs.extend(names);
    Ok(pairs)
}

/// The end of a name tells more than its beginning.
fn shorten(name: &str, longest: usize) -> String {
    let count = name.chars().count();
    if count <= longest {
        return name.to_owned();
    }
    let tail: String = name.chars().skip(count - longest + 2).collect();
    format!("..{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_has_a_count_pairs_and_names() -> Result<()> {
        let functions =
            BTreeMap::from([(0x1000, "a".to_owned()), (0x1010, "long::name".to_owned())]);
        let table = table(&functions, 0x1000, 6)?;
        let expected = [2_u32, 0, 20, 0x10, 22].map(u32::to_le_bytes).concat();
        assert_eq!(table.get(..20), Some(&*expected));
        assert_eq!(table.get(20..), Some(&b"a\0..name\0"[..]));
        Ok(())
    }
}
