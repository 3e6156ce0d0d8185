//! A card: its state, who is its master, and the thread that ends flips.

use abi::{Errno, Result};
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use sync::timer::Timer;
use sync::{Events, Instant, Mutex, MutexGuard, Pollee, SpinLock, Waiter, rank};

use super::engine::Engine;
use super::state::State;

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
            let deadlines = [self.end_flips(), self.look_at_console()];
            waiter.wait(deadlines.into_iter().flatten().min());
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

    /// Has the card's thread look at the flips then, should the device not have answered.
    pub(super) fn look_at(&self, until: Instant) {
        if !self.timer.is_armed() {
            self.timer.arm(until);
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
