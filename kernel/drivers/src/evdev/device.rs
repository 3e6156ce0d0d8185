//! An input device: what it can do, how its keys stand, and who listens.

use abi::input::{
    EV_ABS, EV_FF, EV_KEY, EV_LED, EV_MSC, EV_REL, EV_REP, EV_SND, EV_SW, EV_SYN, InputAbsinfo,
    InputEvent, InputId, REP_DELAY, REP_PERIOD, SYN_DROPPED, SYN_REPORT,
};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::time::Duration;
use sync::SortedMap;
use sync::timer::Timer;
use sync::{Events, Instant, Pollee, SpinLock, rank};

use super::bits::Bits;
use super::client::Client;

/// Milliseconds before a held key repeats, and between repetitions, as Linux has them.
const REPEAT: (u32, u32) = (250, 33);

/// Room of a client's queue, in packets, and its least.
const PACKETS: usize = 8;
const LEAST_ROOM: usize = 64;

/// What a device is and can do.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// Its name.
    pub name: String,
    /// Where it sits.
    pub phys: String,
    /// Its own number; empty for none.
    pub uniq: String,
    /// Bus, maker, product, version.
    pub id: InputId,
    /// Properties.
    pub props: Bits,
    /// Types of events, as a set.
    pub kinds: Bits,
    /// Codes of each type.
    pub codes: SortedMap<u16, Bits>,
    /// Its axes.
    pub axes: SortedMap<u16, InputAbsinfo>,
}

impl Description {
    /// Whether it knows an event.
    #[must_use]
    pub fn knows(&self, kind: u16, code: u16) -> bool {
        self.kinds.has(kind.into())
            && self
                .codes
                .get(&kind)
                .is_some_and(|codes| codes.has(code.into()))
    }

    /// How many events a client's queue has room for.
    #[must_use]
    pub fn room(&self) -> usize {
        let count = |kind: u16| self.codes.get(&kind).map_or(0, Bits::count);
        // One report, and room for keys and miscellany.
        let packet = count(EV_ABS) + count(EV_REL) + 1 + 7;
        (packet * PACKETS).max(LEAST_ROOM).next_power_of_two()
    }
}

/// How a device stands.
pub struct State {
    /// Keys that are down.
    pub keys: Bits,
    /// Lights that are on.
    pub leds: Bits,
    /// Sounds that are on.
    pub sounds: Bits,
    /// Switches that are on.
    pub switches: Bits,
    /// Axes with their values.
    pub axes: SortedMap<u16, InputAbsinfo>,
    /// Milliseconds: delay and period of repetition.
    pub repeat: (u32, u32),
    /// The key that repeats, and when next.
    held: Option<(u16, Instant)>,
}

/// A moment in the clocks a client may choose.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Nanoseconds of the wall clock.
    pub realtime: u64,
    /// Nanoseconds since the start.
    pub monotonic: u64,
}

impl Moment {
    /// Now.
    #[must_use]
    pub fn now() -> Self {
        Self {
            realtime: sync::clock::realtime_ns(),
            monotonic: Instant::now().as_nanos(),
        }
    }
}

/// Who takes what programs write: the lights of a keyboard.
pub type Output = Box<dyn Fn(u16, u16, i32) + Send + Sync>;

/// An input device.
pub struct InputDevice {
    /// What it is.
    pub description: Description,
    /// How it stands.
    pub state: SpinLock<State, { rank::LEAF }>,
    clients: SpinLock<Vec<Arc<Client>>, { rank::LEAF }>,
    /// The client that alone is told.
    grab: SpinLock<Option<u64>, { rank::LEAF }>,
    output: Output,
    timer: Timer,
}

/// What becomes of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Fate {
    Ignored,
    /// Clients are told.
    Told,
    /// The device is told too.
    Done,
}

impl InputDevice {
    /// A device; `work` is told when a held key is to repeat, upon which the owner calls [`InputDevice::repeat`].
    #[must_use]
    pub fn new(description: Description, output: Output, work: Arc<Pollee>) -> Arc<Self> {
        let state = State {
            keys: Bits::new(abi::input::KEY_CNT),
            leds: Bits::new(abi::input::LED_CNT),
            sounds: Bits::new(abi::input::SND_CNT),
            switches: Bits::new(abi::input::SW_CNT),
            axes: description.axes.clone(),
            repeat: REPEAT,
            held: None,
        };
        Arc::new(Self {
            description,
            state: SpinLock::new(state),
            clients: SpinLock::new(Vec::new()),
            grab: SpinLock::new(None),
            output,
            timer: Timer::new(Arc::new(move || work.notify(Events::READABLE))),
        })
    }

    /// Takes events of the device, or that a program writes into it.
    pub fn feed(&self, events: &[(u16, u16, i32)]) {
        let moment = Moment::now();
        let mut woken: Vec<Arc<Client>> = Vec::new();
        for &(kind, code, value) in events {
            match self.judge(kind, code, value) {
                Fate::Ignored => {}
                Fate::Told => self.tell(kind, code, value, moment, &mut woken),
                Fate::Done => {
                    (self.output)(kind, code, value);
                    self.tell(kind, code, value, moment, &mut woken);
                }
            }
        }
        for client in woken {
            client.wake();
        }
    }

    /// Notes what an event changes: what is no news is ignored.
    fn judge(&self, kind: u16, code: u16, value: i32) -> Fate {
        if kind == EV_SYN {
            return if code == SYN_DROPPED {
                Fate::Ignored
            } else {
                Fate::Told
            };
        }
        if kind == EV_REP {
            return self.set_repeat(code, value);
        }
        if !self.description.knows(kind, code) {
            return Fate::Ignored;
        }
        let mut state = self.state.lock();
        let at = usize::from(code);
        let change = |bits: &mut Bits| {
            let changed = bits.has(at) != (value != 0);
            bits.put(at, value != 0);
            changed
        };
        let mut ring = None;
        let (news, fate) = match kind {
            EV_KEY if value == 2 => (true, Fate::Told),
            EV_KEY => {
                let changed = change(&mut state.keys);
                if changed {
                    let delay = Duration::from_millis(state.repeat.0.into());
                    let held = value != 0 && self.repeats();
                    state.held = held.then(|| (code, Instant::after(delay)));
                    ring = state.held.map(|(_, at)| at);
                }
                (changed, Fate::Told)
            }
            EV_SW => (change(&mut state.switches), Fate::Told),
            EV_LED => (change(&mut state.leds), Fate::Done),
            EV_SND => (change(&mut state.sounds), Fate::Done),
            EV_ABS => match state.axes.get_mut(&code) {
                Some(axis) => (
                    core::mem::replace(&mut axis.value, value) != value,
                    Fate::Told,
                ),
                None => (true, Fate::Told),
            },
            EV_REL => (value != 0, Fate::Told),
            EV_MSC => (true, Fate::Told),
            EV_FF => (false, Fate::Ignored),
            _ => (false, Fate::Ignored),
        };
        drop(state);
        if let Some(at) = ring {
            self.timer.arm(at);
        }
        if news { fate } else { Fate::Ignored }
    }

    /// Whether held keys repeat.
    #[must_use]
    pub fn repeats(&self) -> bool {
        self.description.kinds.has(EV_REP.into())
    }

    fn set_repeat(&self, code: u16, value: i32) -> Fate {
        let Ok(value) = u32::try_from(value) else {
            return Fate::Ignored;
        };
        let mut state = self.state.lock();
        let slot = match code {
            REP_DELAY => &mut state.repeat.0,
            REP_PERIOD => &mut state.repeat.1,
            _ => return Fate::Ignored,
        };
        if !self.repeats() || core::mem::replace(slot, value) == value {
            return Fate::Ignored;
        }
        Fate::Told
    }

    /// Repeats a held key whose time has come.
    pub fn repeat(&self) {
        let now = Instant::now();
        let mut state = self.state.lock();
        let Some((code, at)) = state.held else {
            return;
        };
        let period = Duration::from_millis(state.repeat.1.into());
        let is_due = now >= at;
        state.held = match is_due {
            // No period: once is all.
            true if period.is_zero() => None,
            true => Some((code, now.saturating_add(period))),
            false => Some((code, at)),
        };
        let next = state.held;
        drop(state);
        if let Some((_, next)) = next {
            self.timer.arm(next);
        }
        if is_due {
            self.feed(&[(EV_KEY, code, 2), (EV_SYN, SYN_REPORT, 1)]);
        }
    }

    fn tell(&self, kind: u16, code: u16, value: i32, moment: Moment, woken: &mut Vec<Arc<Client>>) {
        let grab = *self.grab.lock();
        let clients = self.clients.lock().clone();
        for client in clients {
            if grab.is_some_and(|id| id != client.id) {
                continue;
            }
            let event = InputEvent {
                kind,
                code,
                value,
                ..InputEvent::default()
            };
            if client.take(event, moment) && !woken.iter().any(|one| one.id == client.id) {
                woken.push(client);
            }
        }
    }

    /// Somebody listens.
    pub fn add_client(&self, client: &Arc<Client>) {
        self.clients.lock().push(client.clone());
    }

    /// He does no more.
    pub fn remove_client(&self, id: u64) {
        let mut clients = self.clients.lock();
        let gone = clients
            .iter()
            .position(|client| client.id == id)
            .map(|at| clients.swap_remove(at));
        drop(clients);
        drop(gone);
        self.ungrab(id);
    }

    /// Tells one client alone; `false`: another one has that already.
    pub fn grab(&self, id: u64) -> bool {
        let mut grab = self.grab.lock();
        if grab.is_some() {
            return false;
        }
        *grab = Some(id);
        true
    }

    /// Ends that; `false`: the client did not have it.
    pub fn ungrab(&self, id: u64) -> bool {
        let mut grab = self.grab.lock();
        let had = *grab == Some(id);
        if had {
            *grab = None;
        }
        had
    }
}
