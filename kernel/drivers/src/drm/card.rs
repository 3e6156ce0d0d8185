//! A card: its state, who is its master, and the thread that ends flips and tells of blanks.

use abi::drm::DrmEventVblank;
use abi::{Errno, Result};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use sync::timer::Timer;
use sync::{Events, Instant, Mutex, MutexGuard, Pollee, SpinLock, Waiter, rank};

use super::engine::Engine;
use super::event::EventQueue;
use super::state::{Notice, Output, State};

/// A client as the others know it.
struct Client {
    id: u64,
    /// Its magic number; 0 before it asked for one.
    magic: u32,
    authenticated: bool,
}

/// Who has the card open, and who may set modes.
#[derive(Default)]
struct Clients {
    all: Vec<Client>,
    master: Option<u64>,
    last_magic: u32,
}

/// A card.
pub struct Card {
    pub(super) engine: Arc<dyn Engine>,
    pub(super) minor: u32,
    /// Where the device stands below `/sys`.
    pub(super) place: String,
    /// The console's picture is mapped.
    pub(super) console_mapped: AtomicBool,
    state: Mutex<State, { rank::DISPLAY }>,
    clients: SpinLock<Clients, { rank::LEAF }>,
    next_client: AtomicU64,
    /// Wakes the card's thread.
    work: Arc<Pollee>,
    timer: Timer,
    /// Told of each blank that somebody waits for.
    pub(super) blanks: Pollee,
}

impl Card {
    /// A card for a device, with its thread.
    ///
    /// # Errors
    /// `EIO`, `ENOMEM`.
    pub(super) fn start(engine: Arc<dyn Engine>, minor: u32, place: &str) -> Result<Arc<Self>> {
        let displays = engine.scanouts()?;
        let work = Arc::new(Pollee::new());
        let ring = work.clone();
        let card = Arc::new(Self {
            engine,
            minor,
            place: String::from(place),
            console_mapped: AtomicBool::new(false),
            state: Mutex::new(State::new(displays)),
            clients: SpinLock::new(Clients::default()),
            next_client: AtomicU64::new(1),
            work,
            timer: Timer::new(Arc::new(move || ring.notify(Events::READABLE))),
            blanks: Pollee::new(),
        });
        let worker = card.clone();
        sync::spawn_kernel(&format!("card{minor}"), move || worker.serve())?;
        Ok(card)
    }

    /// The state, held against others.
    pub(super) fn state(&self) -> MutexGuard<'_, State, { rank::DISPLAY }> {
        self.state.lock()
    }

    /// The card's thread.
    fn serve(&self) {
        let waiter = Waiter::new();
        let _work = waiter.register(&self.work, Events::READABLE);
        let _changes = waiter.register(self.engine.changes(), Events::READABLE);
        loop {
            waiter.clear();
            if self.engine.take_change() {
                self.look_again();
            }
            self.tick();
            waiter.wait(self.look_at_console());
        }
    }

    /// Asks the device which displays there are now.
    pub(super) fn look_again(&self) {
        let Ok(displays) = self.engine.scanouts() else {
            return;
        };
        let mut state = self.state();
        let mut changed = false;
        for (output, display) in state.outputs.iter_mut().zip(displays) {
            changed |= output.refresh(display);
        }
        if changed {
            state.keep_edids();
            drop(state);
            super::show::changed(self);
        }
    }

    /// Ends the flips that are done and tells who waited for a blank; the timer goes on while somebody waits.
    fn tick(&self) {
        let now = Instant::now();
        let mut told: Vec<(Notice, DrmEventVblank)> = Vec::new();
        let mut state = self.state();
        let mut next: Option<Instant> = None;
        for output in &mut state.outputs {
            let (number, moment) = output.vblank.last(now);
            let done = output
                .flip
                .as_ref()
                .is_some_and(|flip| number >= flip.from && self.engine.finished(flip.fence));
            if done && let Some(flip) = output.flip.take() {
                told.extend(flip.notice.map(|notice| {
                    let event = event_of(&notice, output.crtc, number, moment);
                    (notice, event)
                }));
            }
            let mut at = 0;
            while let Some((target, _)) = output.waiting.get(at) {
                if *target > number {
                    at += 1;
                    continue;
                }
                let (_, notice) = output.waiting.remove(at);
                let event = event_of(&notice, output.crtc, number, moment);
                told.push((notice, event));
            }
            let until = output.vblank.moment(number + 1);
            if output.wants_blank() || self.blanks.is_observed() && output.mode.is_some() {
                next = Some(next.map_or(until, |next| next.min(until)));
            }
        }
        if let Some(next) = next {
            self.timer.arm(next);
        }
        drop(state);
        self.blanks.notify(Events::READABLE | Events::WRITABLE);
        super::modeset::tell(told);
    }

    /// Ends a flip on its way before something else is shown; the event to be told of outside the lock.
    pub(super) fn end_flip(&self, output: &mut Output) -> Option<(Notice, DrmEventVblank)> {
        let flip = output.flip.take()?;
        // Nobody hears of a device that does not answer.
        let _ = self.engine.wait(flip.fence);
        let (number, moment) = output.vblank.last(Instant::now());
        let notice = flip.notice?;
        let event = event_of(&notice, output.crtc, number, moment);
        Some((notice, event))
    }

    /// Somebody waits for a blank: the timer runs for the next one of this display.
    pub(super) fn await_blank(&self, output: &Output) {
        if !self.timer.is_armed() {
            let (number, _) = output.vblank.last(Instant::now());
            self.timer.arm(output.vblank.moment(number + 1));
        }
    }

    /// Has the card's thread look now.
    pub(super) fn wake(&self) {
        self.work.notify(Events::READABLE);
    }

    /// A new client; the first one is master.
    pub(super) fn enter(&self) -> u64 {
        let id = self.next_client.fetch_add(1, Ordering::Relaxed);
        let mut clients = self.clients.lock();
        let first = clients.master.is_none();
        clients.all.push(Client {
            id,
            magic: 0,
            authenticated: first,
        });
        if first {
            clients.master = Some(id);
        }
        id
    }

    /// A client goes.
    pub(super) fn leave(&self, id: u64) {
        let mut clients = self.clients.lock();
        clients.all.retain(|client| client.id != id);
        if clients.master == Some(id) {
            clients.master = None;
        }
    }

    /// Whether a client is master.
    pub(super) fn is_master(&self, id: u64) -> bool {
        self.clients.lock().master == Some(id)
    }

    /// Whether there is a master.
    pub(super) fn has_master(&self) -> bool {
        self.clients.lock().master.is_some()
    }

    /// Whether a client was let in by a master, or is one.
    pub(super) fn is_authenticated(&self, id: u64) -> bool {
        let clients = self.clients.lock();
        clients
            .all
            .iter()
            .any(|client| client.id == id && client.authenticated)
    }

    /// Makes a client master.
    ///
    /// # Errors
    /// `EBUSY`: another one is.
    pub(super) fn set_master(&self, id: u64) -> Result<()> {
        let mut clients = self.clients.lock();
        match clients.master {
            Some(master) if master != id => return Err(Errno::EBUSY),
            _ => clients.master = Some(id),
        }
        if let Some(client) = clients.all.iter_mut().find(|client| client.id == id) {
            client.authenticated = true;
        }
        Ok(())
    }

    /// The master is none any more.
    ///
    /// # Errors
    /// `EINVAL`: the client is not master.
    pub(super) fn drop_master(&self, id: u64) -> Result<()> {
        let mut clients = self.clients.lock();
        if clients.master != Some(id) {
            return Err(Errno::EINVAL);
        }
        clients.master = None;
        Ok(())
    }

    /// The number by which a master may let a client in.
    pub(super) fn magic(&self, id: u64) -> u32 {
        let mut clients = self.clients.lock();
        let fresh = clients.last_magic + 1;
        let Some(client) = clients.all.iter_mut().find(|client| client.id == id) else {
            return 0;
        };
        if client.magic == 0 {
            client.magic = fresh;
            clients.last_magic = fresh;
            return fresh;
        }
        client.magic
    }

    /// Lets the client with this number in.
    ///
    /// # Errors
    /// `EINVAL`: there is none.
    pub(super) fn authenticate(&self, magic: u32) -> Result<()> {
        let mut clients = self.clients.lock();
        let found = clients
            .all
            .iter_mut()
            .find(|client| magic != 0 && client.magic == magic);
        let client = found.ok_or(Errno::EINVAL)?;
        client.authenticated = true;
        // It is good for once.
        client.magic = 0;
        Ok(())
    }
}

/// The event of a blank.
fn event_of(notice: &Notice, crtc: u32, number: u64, moment: Instant) -> DrmEventVblank {
    let ns = moment.as_nanos();
    DrmEventVblank {
        kind: notice.kind,
        length: size_of::<DrmEventVblank>() as u32,
        user_data: notice.user_data,
        tv_sec: (ns / 1_000_000_000) as u32,
        tv_usec: (ns % 1_000_000_000 / 1000) as u32,
        sequence: number as u32,
        crtc_id: crtc,
    }
}

/// Promises an event to a client.
///
/// # Errors
/// `ENOMEM`: it reads too little.
pub(super) fn promise(
    client: u64,
    queue: &Arc<EventQueue>,
    user_data: u64,
    kind: u32,
) -> Result<Notice> {
    queue.promise()?;
    Ok(Notice {
        client,
        queue: queue.clone(),
        user_data,
        kind,
    })
}
