//! Packet filters: whatever program the check takes, it ends, on any message.
#![no_main]

use libfuzzer_sys::fuzz_target;
use net::filter::{Beside, Filter, Instruction};

fuzz_target!(|bytes: &[u8]| {
    let Some((count, rest)) = bytes.split_first() else {
        return;
    };
    let len = (usize::from(*count) * 8).min(rest.len() / 8 * 8);
    let (program, message) = rest.split_at(len);
    let program = program
        .chunks_exact(8)
        .map(|raw| Instruction {
            code: u16::from_ne_bytes([raw[0], raw[1]]),
            yes: raw[2],
            no: raw[3],
            k: u32::from_ne_bytes([raw[4], raw[5], raw[6], raw[7]]),
        })
        .collect();
    if let Ok(filter) = Filter::new(program) {
        for link in [0, 14] {
            let beside = Beside {
                link,
                ..Beside::default()
            };
            let _ = filter.run(message, &beside);
        }
    }
});
