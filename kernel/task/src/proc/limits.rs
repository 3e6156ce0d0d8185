//! `/proc/<pid>/limits`.

use abi::Result;
use core::fmt::Write as _;
use fs::proc::Text;
use sync::{INFINITY, Resource};

use super::subject::Subject;

/// Name and unit of each resource, by number.
const NAMES: [(&str, &str); 16] = [
    ("Max cpu time", "seconds"),
    ("Max file size", "bytes"),
    ("Max data size", "bytes"),
    ("Max stack size", "bytes"),
    ("Max core file size", "bytes"),
    ("Max resident set", "bytes"),
    ("Max processes", "processes"),
    ("Max open files", "files"),
    ("Max locked memory", "bytes"),
    ("Max address space", "bytes"),
    ("Max file locks", "locks"),
    ("Max pending signals", "signals"),
    ("Max msgqueue size", "bytes"),
    ("Max nice priority", ""),
    ("Max realtime priority", ""),
    ("Max realtime timeout", "us"),
];

pub(super) fn show(of: &Subject, out: &mut Text) -> Result<()> {
    let header = ("Limit", "Soft Limit", "Hard Limit", "Units");
    // Text does not fail before its end.
    let _ = writeln!(
        out,
        "{:25} {:20} {:20} {:10}",
        header.0, header.1, header.2, header.3
    );
    for (number, (name, unit)) in (0..).zip(NAMES) {
        let Some(resource) = Resource::from_number(number) else {
            continue;
        };
        let limit = of.process().limits().get(resource);
        let _ = write!(out, "{name:25} ");
        for value in [limit.soft, limit.hard] {
            let _ = match value {
                INFINITY => write!(out, "{:20} ", "unlimited"),
                value => write!(out, "{value:<20} "),
            };
        }
        let _ = match unit {
            "" => writeln!(out),
            unit => writeln!(out, "{unit:10}"),
        };
    }
    Ok(())
}
