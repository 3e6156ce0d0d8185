//! What a signal carries: the part of `siginfo_t` the kernel keeps, laid out as programs see it.

use abi::signal::{self, RawSigInfo, SignalfdSigInfo};

/// A queued signal: head and the 32 bytes of the union that any kind uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct SigInfo {
    /// Signal number.
    pub signo: i32,
    /// `si_errno`.
    pub errno: i32,
    /// `si_code`.
    pub code: i32,
    /// The union's first words.
    pub fields: [u64; 4],
}

const fn pair(low: i32, high: u32) -> u64 {
    (low as u32 as u64) | ((high as u64) << 32)
}

impl SigInfo {
    const fn of(signo: i32, code: i32, fields: [u64; 4]) -> Self {
        Self {
            signo,
            errno: 0,
            code,
            fields,
        }
    }

    /// From the kernel itself, no sender (`SI_KERNEL`).
    #[must_use]
    pub const fn kernel(signo: i32) -> Self {
        Self::of(signo, signal::SI_KERNEL, [0; 4])
    }

    /// By `kill` (`SI_USER`).
    #[must_use]
    pub const fn user(signo: i32, pid: i32, uid: u32) -> Self {
        Self::of(signo, signal::SI_USER, [pair(pid, uid), 0, 0, 0])
    }

    /// By `tkill` and `tgkill` (`SI_TKILL`).
    #[must_use]
    pub const fn tkill(signo: i32, pid: i32, uid: u32) -> Self {
        Self::of(signo, signal::SI_TKILL, [pair(pid, uid), 0, 0, 0])
    }

    /// By a POSIX timer (`SI_TIMER`): its number, overruns and the program's value.
    #[must_use]
    pub const fn timer(signo: i32, id: i32, overrun: i32, value: u64) -> Self {
        let head = pair(id, overrun as u32);
        Self::of(signo, signal::SI_TIMER, [head, value, 0, 0])
    }

    /// The number of the timer that sent it.
    pub(crate) const fn timer_id(&self) -> i32 {
        self.fields[0] as i32
    }

    pub(crate) const fn set_timer_overrun(&mut self, overrun: i32) {
        self.fields[0] = pair(self.timer_id(), overrun as u32);
    }

    /// What the timer knows its signal by, while it is queued.
    pub(crate) const fn set_timer_serial(&mut self, serial: u64) {
        self.fields[2] = serial;
    }

    /// Takes out what no program is to see.
    pub(crate) const fn take_timer_serial(&mut self) -> u64 {
        core::mem::replace(&mut self.fields[2], 0)
    }

    /// A fault at an address.
    #[must_use]
    pub const fn fault(signo: i32, code: i32, addr: u64) -> Self {
        Self::of(signo, code, [addr, 0, 0, 0])
    }

    /// A child changed state; times in clock ticks of 10 ms.
    #[must_use]
    pub const fn child(
        signo: i32,
        code: i32,
        pid: i32,
        uid: u32,
        status: i32,
        utime: u64,
        stime: u64,
    ) -> Self {
        let fields = [pair(pid, uid), status as u32 as u64, utime, stime];
        Self::of(signo, code, fields)
    }

    /// A descriptor became ready (`F_SETSIG`).
    #[must_use]
    pub const fn poll(signo: i32, code: i32, band: i64, fd: i32) -> Self {
        Self::of(signo, code, [band as u64, fd as u32 as u64, 0, 0])
    }

    /// `si_pid`.
    #[must_use]
    pub const fn pid(&self) -> i32 {
        self.fields[0] as i32
    }

    /// `si_uid`.
    #[must_use]
    pub const fn uid(&self) -> u32 {
        (self.fields[0] >> 32) as u32
    }

    /// Whether a program made it (`si_code <= 0`, not a timer's or the like).
    #[must_use]
    pub const fn from_user(&self) -> bool {
        self.code <= 0
    }

    /// As a program's memory shows it.
    #[must_use]
    pub fn to_raw(self) -> RawSigInfo {
        let mut fields = [0; 14];
        if let Some(head) = fields.first_chunk_mut::<4>() {
            *head = self.fields;
        }
        RawSigInfo {
            signo: self.signo,
            errno: self.errno,
            code: self.code,
            pad: 0,
            fields,
        }
    }

    /// From a program's memory; `None` when bytes are set that the kernel would lose (`E2BIG`).
    #[must_use]
    pub fn from_raw(raw: &RawSigInfo, signo: i32) -> Option<Self> {
        let fields = *raw.fields.first_chunk::<4>()?;
        let lost = raw.fields.iter().skip(4).any(|word| *word != 0);
        if lost && !known_layout(signo, raw.code) {
            return None;
        }
        Some(Self {
            signo,
            errno: raw.errno,
            code: raw.code,
            fields,
        })
    }

    /// As `signalfd` delivers it.
    #[must_use]
    pub fn to_signalfd(self) -> SignalfdSigInfo {
        let mut out = SignalfdSigInfo {
            signo: self.signo as u32,
            errno: self.errno,
            code: self.code,
            ..SignalfdSigInfo::default()
        };
        let [head, second, third, fourth] = self.fields;
        match (self.code, self.signo) {
            (signal::SI_TIMER, _) => {
                out.tid = head as u32;
                out.overrun = (head >> 32) as u32;
                out.ptr = second;
                out.int = second as i32;
            }
            (code, _) if code <= 0 => {
                out.pid = head as u32;
                out.uid = (head >> 32) as u32;
                if code < 0 {
                    out.ptr = second;
                    out.int = second as i32;
                }
            }
            (signal::SI_KERNEL, _) => {
                out.pid = head as u32;
                out.uid = (head >> 32) as u32;
            }
            (_, signal::SIGCHLD) => {
                out.pid = head as u32;
                out.uid = (head >> 32) as u32;
                out.status = second as i32;
                out.utime = third;
                out.stime = fourth;
            }
            (_, signal::SIGIO) => {
                out.band = head as u32;
                out.fd = second as i32;
            }
            (
                _,
                signal::SIGSEGV
                | signal::SIGBUS
                | signal::SIGILL
                | signal::SIGFPE
                | signal::SIGTRAP,
            ) => {
                out.addr = head;
                out.addr_lsb = second as u16;
            }
            (_, signal::SIGSYS) => {
                out.call_addr = head;
                out.syscall = second as i32;
                out.arch = (second >> 32) as u32;
            }
            _ => {
                out.pid = head as u32;
                out.uid = (head >> 32) as u32;
            }
        }
        out
    }
}

/// Whether Linux knows where a kind's fields end and so lets the rest be anything.
fn known_layout(signo: i32, code: i32) -> bool {
    match code {
        signal::SI_KERNEL => true,
        code if code > signal::SI_USER && code < signal::SI_KERNEL => matches!(
            signo,
            signal::SIGILL
                | signal::SIGFPE
                | signal::SIGSEGV
                | signal::SIGBUS
                | signal::SIGTRAP
                | signal::SIGCHLD
                | signal::SIGIO
                | signal::SIGSYS
        ),
        code => code >= signal::SI_TKILL,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn child_fields_lie_where_programs_read_them() {
        let raw = SigInfo::child(17, signal::CLD_EXITED, 42, 7, 3, 5, 6).to_raw();
        assert_eq!(raw.fields[0], 42 | (7 << 32));
        assert_eq!(raw.fields[1] as i32, 3);
        assert_eq!((raw.fields[2], raw.fields[3]), (5, 6));
    }

    #[test]
    fn unknown_layouts_may_not_carry_more() {
        let mut raw = SigInfo::user(10, 1, 1).to_raw();
        raw.code = -20;
        assert!(SigInfo::from_raw(&raw, 10).is_some());
        raw.fields[9] = 1;
        assert!(SigInfo::from_raw(&raw, 10).is_none());
        raw.code = signal::SI_QUEUE;
        assert!(SigInfo::from_raw(&raw, 10).is_some());
    }
}
