//! The clients' connections, as the loop sees them.

use std::collections::BTreeMap;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use wayland_server::Display;
use wayland_server::backend::{ClientData, ClientId, DisconnectReason};

use crate::state::State;
use crate::watch::{Source, Watch};

/// The numbers of those who are gone and not yet let go.
#[derive(Debug, Default)]
struct Gone(Mutex<Vec<u32>>);

impl Gone {
    fn list(&self) -> MutexGuard<'_, Vec<u32>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the library keeps with a client: whom to tell of its end.
#[derive(Debug)]
struct Ticket {
    number: u32,
    gone: Arc<Gone>,
}

impl ClientData for Ticket {
    fn disconnected(&self, _client: ClientId, _reason: DisconnectReason) {
        self.gone.list().push(self.number);
    }
}

/// A client, and a second descriptor of its connection, by which it is listened to.
#[derive(Debug)]
struct Client {
    id: ClientId,
    _ear: UnixStream,
}

/// All who are connected.
#[derive(Debug, Default)]
pub struct Clients {
    all: BTreeMap<u32, Client>,
    gone: Arc<Gone>,
    next: u32,
}

impl Clients {
    /// Lets one in.
    ///
    /// # Errors
    /// When there are too many descriptors.
    pub fn add(
        &mut self,
        stream: UnixStream,
        display: &Display<State>,
        watch: &Watch,
    ) -> io::Result<()> {
        let number = self.next;
        self.next = self.next.wrapping_add(1);
        let ear = stream.try_clone()?;
        let ticket = Ticket {
            number,
            gone: self.gone.clone(),
        };
        // First what may fail: one that is let in and not heard would stay for ever.
        watch.add(&ear, Source::Client(number))?;
        let client = display.handle().insert_client(stream, Arc::new(ticket))?;
        let id = client.id();
        self.all.insert(number, Client { id, _ear: ear });
        Ok(())
    }

    /// Takes what one has sent, and does it.
    pub fn serve(&mut self, number: u32, display: &mut Display<State>, state: &mut State) {
        let Some(client) = self.all.get(&number) else {
            return;
        };
        // That it is gone is said to its ticket.
        let _ = display
            .backend()
            .dispatch_single_client(state, client.id.clone());
    }

    /// Closes the connections of those who are gone.
    pub fn let_go(&mut self, display: &mut Display<State>, state: &mut State) {
        loop {
            let gone = std::mem::take(&mut *self.gone.list());
            if gone.is_empty() {
                return;
            }
            for number in gone {
                // One that was sent away still has its windows: the library takes them when it is served again.
                self.serve(number, display, state);
                self.all.remove(&number);
            }
        }
    }
}
