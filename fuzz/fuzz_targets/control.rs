//! Ancillary data of sendmsg.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(sent) = net::control::parse(bytes) {
        assert!(
            sent.rights.len() <= 253,
            "more descriptors than Linux takes"
        );
    }
});
