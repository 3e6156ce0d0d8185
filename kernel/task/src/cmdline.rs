//! The kernel command line, read as Linux reads it (`kernel-parameters.rst`).
//!
//! Pure: text in, values out. A word Linux would hand to process 1 is handed to process 1: words
//! with `=` as environment, words without as arguments, everything behind ` -- ` as arguments.
//! Words with a dot before the `=` are module parameters and go nowhere.

use alloc::string::String;
use alloc::vec::Vec;

/// What to do after a panic.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnPanic {
    /// Stay (`panic=0`).
    Hang,
    /// Restart at once (`panic=-1`, any negative number).
    RestartNow,
    /// Restart after so many seconds.
    RestartAfter(u32),
}

/// A task the line asks for that Nacre does not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unsupported {
    /// `root`.
    pub key: &'static str,
    /// What it was to be.
    pub value: String,
}

/// The parsed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// `console=`: each as written (`ttyAMA0,115200`), the last one is the system console.
    pub consoles: Vec<String>,
    /// `rdinit=`: first program of an initramfs; `None` means `/init`.
    pub rdinit: Option<String>,
    /// `init=`: first program of a mounted root.
    pub init: Option<String>,
    /// Arguments for process 1, without its name.
    pub args: Vec<String>,
    /// Environment for process 1 beyond `HOME` and `TERM`.
    pub env: Vec<String>,
    /// `ro` (true) or `rw`.
    pub read_only: bool,
    /// Messages below this level reach the console.
    pub loglevel: u8,
    /// `panic=`.
    pub panic: OnPanic,
    /// `maxcpus=` or `nosmp`: CPUs to start.
    pub max_cpus: Option<usize>,
    /// Whether the kernel may place itself anywhere (`nokaslr` clears it).
    pub kaslr: bool,
    /// Whether programs are laid out at random (`norandmaps` clears it).
    pub randomize: bool,
    /// `trace=`: `all`, or names of programs to trace, comma separated.
    pub trace: Vec<String>,
    /// `mem=`: bytes of memory to use.
    pub mem: Option<u64>,
    /// `ip=`: the network to set up.
    pub ip: Option<String>,
    /// What was asked for in vain.
    pub unsupported: Vec<Unsupported>,
}

impl Default for CommandLine {
    fn default() -> Self {
        Self {
            consoles: Vec::new(),
            rdinit: None,
            init: None,
            args: Vec::new(),
            env: Vec::new(),
            read_only: true,
            loglevel: 7,
            panic: OnPanic::Hang,
            max_cpus: None,
            kaslr: true,
            randomize: true,
            trace: Vec::new(),
            mem: None,
            ip: None,
            unsupported: Vec::new(),
        }
    }
}

/// Parameters Linux knows and takes away from process 1, which mean nothing here: tuning of parts
/// Nacre does not have.
const CONSUMED: &[&str] = &[
    "audit",
    "cgroup_disable",
    "earlycon",
    "earlyprintk",
    "hardened_usercopy",
    "hugepages",
    "init_on_alloc",
    "init_on_free",
    "initcall_debug",
    "initrd",
    "isolcpus",
    "kpti",
    "lpj",
    "lsm",
    "mitigations",
    "nohz",
    "nohz_full",
    "nosmt",
    "nowatchdog",
    "panic_on_warn",
    "printk",
    "random",
    "randomize_kstack_offset",
    "rcupdate",
    "retain_initrd",
    "rootdelay",
    "rootflags",
    "rootfstype",
    "rootwait",
    "security",
    "selinux",
    "transparent_hugepage",
    "tsc",
    "vdso",
];

/// Splits the line into words: blanks separate, double quotes keep them together.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word = String::new();
    let (mut quoted, mut any) = (false, false);
    for c in line.chars().take_while(|c| *c != '\0') {
        match c {
            '"' => {
                quoted = !quoted;
                any = true;
            }
            c if c.is_ascii_whitespace() && !quoted => {
                if any {
                    out.push(core::mem::take(&mut word));
                }
                any = false;
            }
            c => {
                word.push(c);
                any = true;
            }
        }
    }
    if any {
        out.push(word);
    }
    out
}

/// A number as the kernel's `memparse` reads it: decimal, `0x` or octal, with K, M, G behind.
fn size(text: &str) -> Option<u64> {
    let (digits, shift) = match text.as_bytes().last()? {
        b'k' | b'K' => (text.get(..text.len() - 1)?, 10),
        b'm' | b'M' => (text.get(..text.len() - 1)?, 20),
        b'g' | b'G' => (text.get(..text.len() - 1)?, 30),
        _ => (text, 0),
    };
    let number = match digits.strip_prefix("0x") {
        Some(hex) => u64::from_str_radix(hex, 16).ok()?,
        None => digits.parse().ok()?,
    };
    number.checked_mul(1 << shift)
}

impl CommandLine {
    /// Reads the line. Values that make no sense leave the default, as in Linux.
    #[must_use]
    pub fn parse(line: &str) -> Self {
        let mut out = Self::default();
        let mut words = words(line).into_iter();
        for word in words.by_ref() {
            if word == "--" {
                break;
            }
            out.word(word);
        }
        out.args.extend(words);
        out
    }

    fn word(&mut self, word: String) {
        let (key, value) = match word.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word.as_str(), None),
        };
        // Dashes and underscores are the same in names.
        let name = key.replace('-', "_");
        match (name.as_str(), value) {
            ("console", Some(value)) => self.consoles.push(value.into()),
            ("rdinit", Some(value)) => {
                self.rdinit = Some(value.into());
                self.args.clear();
            }
            ("init", Some(value)) => {
                self.init = Some(value.into());
                // Arguments before init= were for the boot loader's idea of it.
                self.args.clear();
            }
            ("ro", None) => self.read_only = true,
            ("rw", None) => self.read_only = false,
            ("quiet", None) => self.loglevel = 4,
            ("debug", None) => self.loglevel = 10,
            ("loglevel", Some(value)) => {
                if let Ok(level) = value.parse::<i32>() {
                    self.loglevel = level.clamp(0, 15) as u8;
                }
            }
            ("panic", Some(value)) => {
                if let Ok(seconds) = value.parse::<i32>() {
                    self.panic = match seconds {
                        0 => OnPanic::Hang,
                        ..0 => OnPanic::RestartNow,
                        1.. => OnPanic::RestartAfter(seconds.unsigned_abs()),
                    };
                }
            }
            ("maxcpus" | "nr_cpus", Some(value)) => {
                if let Ok(count) = value.parse::<usize>() {
                    self.max_cpus = Some(count.max(1));
                }
            }
            ("nosmp", None) => self.max_cpus = Some(1),
            ("nokaslr", None) => self.kaslr = false,
            ("norandmaps", None) => self.randomize = false,
            ("trace", Some(value)) => self.trace.extend(
                value
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .map(Into::into),
            ),
            ("mem", Some(value)) => self.mem = size(value).or(self.mem),
            ("root", Some(value)) => self.refuse("root", value),
            ("ip", Some(value)) => self.ip = Some(value.into()),
            (name, _) if CONSUMED.contains(&name) || name.contains('.') => {}
            (_, Some(_)) => self.env(word),
            (_, None) => self.args.push(word),
        }
    }

    fn refuse(&mut self, key: &'static str, value: &str) {
        self.unsupported.push(Unsupported {
            key,
            value: value.into(),
        });
    }

    /// Adds to the environment; the last word of a name wins, in the place of the first.
    fn env(&mut self, word: String) {
        let name_length = word.find('=').map_or(word.len(), |at| at + 1);
        let name = word.get(..name_length).unwrap_or(&word);
        match self.env.iter_mut().find(|known| known.starts_with(name)) {
            Some(known) => *known = word,
            None => self.env.push(word),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_taken_and_others_go_to_init() {
        let line = CommandLine::parse(
            "console=ttyAMA0 rdinit=/bin/sh quiet panic=-1 single FOO=bar usb.quirk=1 \
             maxcpus=2 nokaslr root=/dev/vda -- -c \"echo hi\"",
        );
        assert_eq!(line.consoles, ["ttyAMA0"]);
        assert_eq!(line.rdinit.as_deref(), Some("/bin/sh"));
        assert_eq!(line.args, ["single", "-c", "echo hi"]);
        assert_eq!(line.env, ["FOO=bar"]);
        assert_eq!(line.loglevel, 4);
        assert_eq!(line.panic, OnPanic::RestartNow);
        assert_eq!(line.max_cpus, Some(2));
        assert!(!line.kaslr && line.read_only);
        assert_eq!(line.unsupported[0].key, "root");
    }

    #[test]
    fn empty_and_odd_lines() {
        assert_eq!(CommandLine::parse(""), CommandLine::default());
        assert_eq!(CommandLine::parse("panic=x loglevel=").panic, OnPanic::Hang);
        assert_eq!(CommandLine::parse("\"a b").args, ["a b"]);
        assert_eq!(CommandLine::parse("a=1 a=2 ab=3").env, ["a=2", "ab=3"]);
        assert_eq!(CommandLine::parse("mem=64M").mem, Some(64 << 20));
        assert_eq!(
            CommandLine::parse("panic=5").panic,
            OnPanic::RestartAfter(5)
        );
        assert_eq!(
            CommandLine::parse("rw\0junk"),
            CommandLine {
                read_only: false,
                ..CommandLine::default()
            }
        );
    }

    proptest::proptest! {
        #[test]
        fn never_panics(line in ".*") {
            let _ = CommandLine::parse(&line);
        }
    }
}
