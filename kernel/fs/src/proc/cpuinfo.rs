//! `/proc/cpuinfo` as AArch64 has it.

use core::fmt::Write as _;

use super::text::Text;

/// Names of the bits of `AT_HWCAP`, lowest first.
const FEATURES: [&str; 32] = [
    "fp", "asimd", "evtstrm", "aes", "pmull", "sha1", "sha2", "crc32", "atomics", "fphp",
    "asimdhp", "cpuid", "asimdrdm", "jscvt", "fcma", "lrcpc", "dcpop", "sha3", "sm3", "sm4",
    "asimddp", "sha512", "sve", "asimdfhm", "dit", "uscat", "ilrcpc", "flagm", "ssbs", "sb",
    "paca", "pacg",
];

/// Names of the bits of `AT_HWCAP2`.
const FEATURES_2: [&str; 32] = [
    "dcpodp",
    "sve2",
    "sveaes",
    "svepmull",
    "svebitperm",
    "svesha3",
    "svesm4",
    "flagm2",
    "frint",
    "svei8mm",
    "svef32mm",
    "svef64mm",
    "svebf16",
    "i8mm",
    "bf16",
    "dgh",
    "rng",
    "bti",
    "mte",
    "ecv",
    "afp",
    "rpres",
    "mte3",
    "sme",
    "smei16i64",
    "smef64f64",
    "smei8i32",
    "smef16f32",
    "smeb16f32",
    "smef32f32",
    "smefa64",
    "wfxt",
];

fn names(bits: u64, names: &'static [&'static str]) -> impl Iterator<Item = &'static str> {
    names
        .iter()
        .enumerate()
        .filter(move |(bit, _)| bits >> bit & 1 != 0)
        .map(|(_, name)| *name)
}

pub(super) fn show(out: &mut Text) -> core::fmt::Result {
    for cpu in hal::cpu::online().iter() {
        writeln!(out, "processor\t: {cpu}")?;
        // Linux: twice the counter's frequency, the delay loop being a wait for the counter.
        let frequency = hal::time::frequency();
        let (mega, rest) = (frequency / 500_000, frequency / 5_000 % 100);
        writeln!(out, "BogoMIPS\t: {mega}.{rest:02}")?;
        out.write_str("Features\t:")?;
        for name in names(hal::cpu::hwcap(), &FEATURES) {
            write!(out, " {name}")?;
        }
        for name in names(hal::cpu::hwcap2(), &FEATURES_2) {
            write!(out, " {name}")?;
        }
        out.write_char('\n')?;
        let model = hal::cpu::model(cpu);
        writeln!(out, "CPU implementer\t: 0x{:02x}", model >> 24)?;
        writeln!(out, "CPU architecture: 8")?;
        writeln!(out, "CPU variant\t: 0x{:x}", model >> 20 & 0xf)?;
        writeln!(out, "CPU part\t: 0x{:03x}", model >> 4 & 0xfff)?;
        writeln!(out, "CPU revision\t: {}\n", model & 0xf)?;
    }
    Ok(())
}
