//! `/proc/interrupts`, and the line of `/proc/stat` that sums it up.

use core::fmt::{self, Write as _};
use hal::irq::{Private, Trigger, controller, device_counts, private_count, timer_line};

use super::text::Text;

/// The interrupts between processors, in the order of their lines.
const BETWEEN: [(Private, &str); 2] = [
    (Private::Reschedule, "Rescheduling"),
    (Private::CallFunction, "Function call"),
];

pub(super) fn show(out: &mut Text) -> fmt::Result {
    write!(out, "{:11}", "")?;
    for cpu in hal::cpu::online().iter() {
        write!(out, "CPU{:<8}", cpu.index())?;
    }
    out.push(b"\n");
    private(out, &Digits(timer_line()), Private::Timer)?;
    line(out, timer_line(), Trigger::Level, "arch_timer")?;
    for (device, name, taken) in device_counts() {
        write!(out, "{}:", Digits(device.number))?;
        for cpu in hal::cpu::online().iter() {
            let taken = if cpu == hal::CpuId::BOOT { taken } else { 0 };
            write!(out, " {taken:10}")?;
        }
        line(out, device.number, device.trigger, name)?;
    }
    for (number, (what, name)) in BETWEEN.into_iter().enumerate() {
        private(out, &format_args!("IPI{number}"), what)?;
        writeln!(out, "       {name} interrupts")?;
    }
    Ok(())
}

/// A number in three columns.
struct Digits(u32);

impl fmt::Display for Digits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:3}", self.0)
    }
}

/// The beginning of a row about what each processor has of its own.
fn private(out: &mut Text, head: &dyn fmt::Display, what: Private) -> fmt::Result {
    write!(out, "{head}:")?;
    for cpu in hal::cpu::online().iter() {
        write!(out, " {:10}", private_count(cpu, what))?;
    }
    Ok(())
}

/// The end of a row about a line of the controller's.
fn line(out: &mut Text, number: u32, trigger: Trigger, name: &str) -> fmt::Result {
    let (chip, kind) = (
        controller(),
        match trigger {
            Trigger::Edge => "Edge",
            Trigger::Level => "Level",
        },
    );
    writeln!(out, "  {chip:>8} {number:3} {kind:<8}  {name}")
}

/// The `intr` line of `/proc/stat`: all interrupts, and how often each line's number came.
///
/// # Errors
/// None: text does not fail before its end.
pub fn summary(out: &mut Text) -> fmt::Result {
    let own = |what| -> u64 {
        let on = |cpu| u64::from(private_count(cpu, what));
        hal::cpu::online().iter().map(on).sum()
    };
    let between = || (0..).zip(BETWEEN.map(|(what, _)| own(what)));
    let timer = own(Private::Timer);
    let devices = || device_counts().map(|(line, _, taken)| (line.number, u64::from(taken)));
    let columns = || between().chain([(timer_line(), timer)]).chain(devices());
    write!(
        out,
        "intr {}",
        columns().map(|(_, taken)| taken).sum::<u64>()
    )?;
    let mut next = 0;
    for (number, taken) in columns() {
        while next < number {
            out.push(b" 0");
            next += 1;
        }
        next += 1;
        write!(out, " {taken}")?;
    }
    out.push(b"\n");
    Ok(())
}
