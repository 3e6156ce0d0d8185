//! What the tests of lying devices share. Each driver's tests prove the same: whatever the device does there is no panic
//! and no byte that was not written, a device that breaks the rules is told of once, and the others go on.

use hal::virtio::fake::Remote;
use hal::virtio::{Fault, Wrong, on_fault};
use std::sync::Mutex;
use std::time::{Duration, Instant};

static FAULTS: Mutex<Vec<Fault>> = Mutex::new(Vec::new());

/// Hears of faults from now on.
pub fn listen() {
    on_fault(|fault| FAULTS.lock().unwrap().push(fault));
}

/// What was told of a device.
pub fn faults(remote: &Remote) -> Vec<Wrong> {
    let all = FAULTS.lock().unwrap();
    all.iter()
        .filter(|fault| fault.line == remote.line())
        .map(|fault| fault.what)
        .collect()
}

/// Looks until there is an answer. The end is for a driver that stands still.
pub fn until<T>(mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        if let Some(answer) = look() {
            return answer;
        }
        assert!(Instant::now() < end, "the driver stands still");
        std::thread::yield_now();
    }
}
