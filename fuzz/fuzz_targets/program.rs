//! Programs: ELF headers, and the first line of scripts.
#![no_main]

use libfuzzer_sys::fuzz_target;
use task::exec::{elf, script};

fuzz_target!(|bytes: &[u8]| {
    let size = bytes.len() as u64;
    if let Ok(header) = elf::header(bytes, size) {
        // What the kernel reads next: the program headers, from where the header says.
        let at = usize::try_from(header.phoff).unwrap_or(usize::MAX);
        let table = bytes.get(at..).unwrap_or_default();
        if let Ok(image) = elf::plan(&header, table, size) {
            assert!(image.start() <= image.end());
        }
    }
    let mut head = [0; script::HEAD_SIZE];
    let shown = bytes.len().min(head.len());
    head[..shown].copy_from_slice(&bytes[..shown]);
    if let Ok(Some(script)) = script::parse(&head) {
        assert!(!script.interpreter.is_empty());
    }
});
