//! What threads have used of the machine (`man 2 getrusage`).

use crate::thread::Thread;

/// What `read`, `write` and the calls like them moved, and how many of them there were: bytes read, bytes written,
/// calls that read, calls that write.
#[derive(Clone, Copy, Default, Debug)]
pub struct Io(pub [u64; 4]);

/// Sums of one thread, or of many.
#[derive(Clone, Copy, Default, Debug)]
pub struct Usage {
    /// Nanoseconds in the program.
    pub user_ns: u64,
    /// Nanoseconds in the kernel.
    pub system_ns: u64,
    /// Faults served from memory.
    pub minor_faults: u64,
    /// Faults that read a device.
    pub major_faults: u64,
    /// Switches of its own will.
    pub voluntary: u64,
    /// Switches against its will.
    pub involuntary: u64,
    /// Greatest resident size, KiB.
    pub max_rss: u64,
    /// What was read and written.
    pub io: Io,
}

impl Usage {
    /// A thread's own.
    pub fn of_thread(thread: &Thread) -> Self {
        let (minor_faults, major_faults) = thread.fault_counts();
        let mut usage = Self {
            minor_faults,
            major_faults,
            io: thread.io(),
            ..Self::default()
        };
        if let Some(task) = thread.task() {
            (usage.user_ns, usage.system_ns) = task.times();
            (usage.voluntary, usage.involuntary) = task.entity().switches();
        }
        usage
    }

    /// Adds another's.
    pub fn add(&mut self, other: &Self) {
        self.user_ns += other.user_ns;
        self.system_ns += other.system_ns;
        self.minor_faults += other.minor_faults;
        self.major_faults += other.major_faults;
        self.voluntary += other.voluntary;
        self.involuntary += other.involuntary;
        self.max_rss = self.max_rss.max(other.max_rss);
        for (sum, more) in self.io.0.iter_mut().zip(other.io.0) {
            // A program may count as much as it likes.
            *sum = sum.wrapping_add(more);
        }
    }
}
