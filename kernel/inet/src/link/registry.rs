//! The machine's table: reading the present one, putting another in its place.

use super::device::{NetDevice, News};
use super::events::{self, Cause};
use super::interface::Interface;
use super::table::Table;
use super::worker;
use abi::Result;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::net::IpAddr;
use sync::{Events, Mutex, Once, SpinLock, rank};

/// Outside all sockets: who changes the table may hold none.
const CHANGE: u8 = rank::SOCKET - 2;

struct Registry {
    /// Held while the table is exchanged.
    change: Mutex<(), CHANGE>,
    present: SpinLock<Arc<Table>, { rank::LEAF }>,
}

static REGISTRY: Once<Registry> = Once::new();

fn registry() -> &'static Registry {
    REGISTRY.get_or_init(|| Registry {
        change: Mutex::new(()),
        present: SpinLock::new(Arc::new(Table::new())),
    })
}

/// The present table.
#[must_use]
pub fn table() -> Arc<Table> {
    registry().present.lock().clone()
}

/// All interfaces, by number.
#[must_use]
pub fn interfaces() -> Vec<Arc<Interface>> {
    table().interfaces().to_vec()
}

/// The interface with a number.
#[must_use]
pub fn by_index(index: u32) -> Option<Arc<Interface>> {
    table().by_index(index).cloned()
}

/// The interface with a name.
#[must_use]
pub fn by_name(name: &str) -> Option<Arc<Interface>> {
    table().by_name(name).cloned()
}

/// Whether an address is this machine's.
#[must_use]
pub fn is_local(address: IpAddr) -> bool {
    table().is_local(address)
}

/// Whether all hosts of a link hear an address.
#[must_use]
pub fn is_broadcast(address: IpAddr) -> bool {
    table().is_broadcast(address)
}

/// The address to send to `destination` from; `None` when no way leads there.
#[must_use]
pub fn source_address(destination: IpAddr) -> Option<IpAddr> {
    table()
        .lookup(destination, 0)
        .ok()
        .map(|way| way.source)
        .filter(|source| !source.is_unspecified())
}

/// Changes the table by `with`, which works on a copy that takes the table's place unless it fails; then tells who
/// listens. Sleeps while somebody else does.
///
/// # Errors
/// Those of `with`; nothing has changed then.
pub fn change<T>(cause: Cause, with: impl FnOnce(&mut Table) -> Result<T>) -> Result<T> {
    let registry = registry();
    let guard = registry.change.lock();
    let mut new = (*table()).clone();
    let result = with(&mut new)?;
    let changes = new.take_changes();
    let new = Arc::new(new);
    let old = core::mem::replace(&mut *registry.present.lock(), new);
    drop(guard);
    drop(old);
    events::publish(&changes, cause);
    Ok(result)
}

/// Puts a card up as the next `eth`; its interface.
///
/// # Errors
/// `ENODEV`: it went as it came.
pub fn install(card: Arc<dyn NetDevice>) -> Result<Arc<Interface>> {
    card.set_waker(Arc::new(|news| match news {
        News::Packets => events::news().notify(Events::READABLE | Events::WRITABLE),
        News::Carrier => worker::carrier_changed(),
    }));
    let interface = change(Cause::default(), |table| {
        let index = table.add_card(card);
        table.by_index(index).cloned().ok_or(abi::Errno::ENODEV)
    })?;
    super::conf6::show(&interface);
    Ok(interface)
}
