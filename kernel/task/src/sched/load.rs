//! The load average: runnable tasks, smoothed over 1, 5 and 15 minutes (`man 5 proc_loadavg`).

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use core::time::Duration;

use alloc::sync::Arc;

use sync::timer::Timer;
use sync::{Instant, Once};

/// Bits behind the point.
const SHIFT: u32 = 11;
const ONE: u64 = 1 << SHIFT;
/// Between two samples.
const PERIOD: Duration = Duration::from_secs(5);
/// e to the power of -5 s over 1, 5 and 15 minutes.
const DECAY: [u64; 3] = [1884, 2014, 2037];

static AVERAGE: [AtomicU64; 3] = [const { AtomicU64::new(0) }; 3];
static SAMPLER: Once<Timer> = Once::new();

/// The averages over 1, 5 and 15 minutes, in hundredths. The first call starts the sampling.
#[must_use]
pub fn load_average() -> [u64; 3] {
    AVERAGE
        .each_ref()
        .map(|average| (average.load(Relaxed) * 100) >> SHIFT)
}

/// Starts sampling. Once, when the scheduler runs.
pub(super) fn start() {
    let timer = SAMPLER.get_or_init(|| Timer::new(Arc::new(sample)));
    timer.arm(Instant::after(PERIOD));
}

fn sample() {
    let runnable = super::runnable() as u64 * ONE;
    for (average, decay) in AVERAGE.iter().zip(DECAY) {
        let old = average.load(Relaxed);
        let mut new = old * decay + runnable * (ONE - decay);
        // Rounded up while rising, so that it gets there.
        if runnable >= old {
            new += ONE - 1;
        }
        average.store(new >> SHIFT, Relaxed);
    }
    if let Some(timer) = SAMPLER.get() {
        timer.arm(Instant::after(PERIOD));
    }
}
