//! `wl_data_device`: the clipboard, and drag and drop. The bytes go from client to client through a pipe that we only
//! pass on.

use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};

use wayland_server::backend::ClientId;
use wayland_server::protocol::wl_data_device_manager::DndAction;
use wayland_server::protocol::{
    wl_data_device, wl_data_device_manager, wl_data_offer, wl_data_source,
};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use crate::grab::Grab;
use crate::role::Role;
use crate::state::{Key, State};

/// What a source offers.
#[derive(Debug, Default)]
pub struct Offered {
    mimes: Vec<String>,
    actions: Option<DndAction>,
}

/// The same, as the source's object carries it.
pub type SharedOffered = Arc<Mutex<Offered>>;

/// What an offer is of.
#[derive(Debug)]
pub struct OfferOf {
    source: wl_data_source::WlDataSource,
    is_drag: bool,
}

/// Something on its way under the pointer.
#[derive(Debug)]
pub struct Drag {
    /// What; nothing, when it stays within the client.
    source: Option<wl_data_source::WlDataSource>,
    /// Whence.
    origin: Key,
    /// What it is over.
    focus: Option<Key>,
    /// What the client there was offered.
    offers: Vec<wl_data_offer::WlDataOffer>,
    /// Whether it wants it.
    accepted: bool,
    /// What would be done.
    action: DndAction,
}

/// The clipboard, and what is dragged.
#[derive(Debug, Default)]
pub struct Data {
    devices: Vec<wl_data_device::WlDataDevice>,
    selection: Option<wl_data_source::WlDataSource>,
    drag: Option<Drag>,
    /// What is drawn under the pointer meanwhile.
    pub icon: Option<Key>,
}

impl GlobalDispatch<wl_data_device_manager::WlDataDeviceManager, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wl_data_device_manager::WlDataDeviceManager>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        init.init(resource, ());
    }
}

impl Dispatch<wl_data_device_manager::WlDataDeviceManager, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &wl_data_device_manager::WlDataDeviceManager,
        request: wl_data_device_manager::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_data_device_manager::Request::CreateDataSource { id } => {
                init.init(id, SharedOffered::default());
            }
            wl_data_device_manager::Request::GetDataDevice { id, .. } => {
                let device = init.init(id, ());
                state.data.devices.push(device);
                if let Some(focus) = state.seat.keyboard_focus {
                    state.offer_selection(focus);
                }
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_data_source::WlDataSource, SharedOffered> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_data_source::WlDataSource,
        request: wl_data_source::Request,
        offered: &SharedOffered,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        let Ok(mut offered) = offered.lock() else {
            return;
        };
        match request {
            wl_data_source::Request::Offer { mime_type } => offered.mimes.push(mime_type),
            wl_data_source::Request::SetActions { dnd_actions } => {
                offered.actions = dnd_actions.into_result().ok();
            }
            _ => {}
        }
    }

    fn destroyed(
        state: &mut Self,
        _: ClientId,
        source: &wl_data_source::WlDataSource,
        _: &SharedOffered,
    ) {
        if state
            .data
            .selection
            .as_ref()
            .is_some_and(|its| its.id() == source.id())
        {
            state.data.selection = None;
            if let Some(focus) = state.seat.keyboard_focus {
                state.offer_selection(focus);
            }
        }
        let dragged = state
            .data
            .drag
            .as_ref()
            .and_then(|drag| drag.source.as_ref());
        if dragged.is_some_and(|its| its.id() == source.id()) {
            state.cancel_drag();
        }
    }
}

impl Dispatch<wl_data_offer::WlDataOffer, OfferOf> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        offer: &wl_data_offer::WlDataOffer,
        request: wl_data_offer::Request,
        of: &OfferOf,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use wl_data_offer::Request;
        match request {
            Request::Receive { mime_type, fd } => of.source.send(mime_type, fd.as_fd()),
            Request::Accept { mime_type, .. } if of.is_drag => {
                if let Some(drag) = &mut state.data.drag {
                    drag.accepted = mime_type.is_some();
                }
                of.source.target(mime_type);
            }
            Request::SetActions {
                dnd_actions,
                preferred_action,
            } if of.is_drag => {
                let offered = of
                    .source
                    .data::<SharedOffered>()
                    .and_then(|its| its.lock().ok()?.actions);
                let wanted = dnd_actions.into_result().unwrap_or(DndAction::None);
                let preferred = preferred_action.into_result().unwrap_or(DndAction::None);
                let action = choose(offered.unwrap_or(DndAction::Copy), wanted, preferred);
                if let Some(drag) = &mut state.data.drag {
                    drag.action = action;
                }
                offer.action(action);
                if of.source.version() >= 3 {
                    of.source.action(action);
                }
            }
            Request::Finish if of.is_drag && of.source.version() >= 3 => of.source.dnd_finished(),
            _ => {}
        }
    }
}

/// The action both sides agree on.
fn choose(offered: DndAction, wanted: DndAction, preferred: DndAction) -> DndAction {
    let both = offered & wanted;
    if !preferred.is_empty() && both.contains(preferred) {
        return preferred;
    }
    [DndAction::Copy, DndAction::Move, DndAction::Ask]
        .into_iter()
        .find(|action| both.contains(*action))
        .unwrap_or(DndAction::None)
}

impl Dispatch<wl_data_device::WlDataDevice, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        device: &wl_data_device::WlDataDevice,
        request: wl_data_device::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_data_device::Request::SetSelection { source, .. } => {
                // Only who has the keyboard fills the clipboard.
                let focus = state.seat.keyboard_focus;
                let Some(focus) = focus.filter(|focus| state.is_of(*focus, &device.id())) else {
                    return;
                };
                let old = std::mem::replace(&mut state.data.selection, source);
                if let Some(old) = old
                    && state
                        .data
                        .selection
                        .as_ref()
                        .is_none_or(|new| new.id() != old.id())
                {
                    old.cancelled();
                }
                state.offer_selection(focus);
            }
            wl_data_device::Request::StartDrag {
                source,
                origin,
                icon,
                ..
            } => {
                let origin = origin.data::<Key>().copied().unwrap_or(Key(0));
                let icon = icon.and_then(|icon| icon.data::<Key>().copied());
                if state.seat.buttons == 0 || state.seat.pointer_focus != Some(origin) {
                    return;
                }
                if let Some(surface) = icon.and_then(|icon| state.surfaces.get_mut(&icon)) {
                    if !matches!(surface.role, Role::None | Role::Icon) {
                        device.post_error(wl_data_device::Error::Role, "the icon has another role");
                        return;
                    }
                    surface.role = Role::Icon;
                }
                state.data.icon = icon;
                state.data.drag = Some(Drag {
                    source,
                    origin,
                    focus: None,
                    offers: Vec::new(),
                    accepted: false,
                    action: DndAction::None,
                });
                state.focus_pointer(None);
                state.seat.grab = Grab::Drag;
                state.damage_cursor();
                state.drag_motion();
            }
            _ => {}
        }
    }

    fn destroyed(state: &mut Self, _: ClientId, device: &wl_data_device::WlDataDevice, (): &()) {
        state.data.devices.retain(|its| its.id() != device.id());
    }
}

impl State {
    fn devices_of(&self, key: Key) -> Vec<wl_data_device::WlDataDevice> {
        let mine = |its: &&wl_data_device::WlDataDevice| self.is_of(key, &its.id());
        self.data.devices.iter().filter(mine).cloned().collect()
    }

    /// Makes an offer of a source to a client's device, with everything it comes in.
    fn make_offer(
        &self,
        device: &wl_data_device::WlDataDevice,
        source: &wl_data_source::WlDataSource,
        is_drag: bool,
    ) -> Option<wl_data_offer::WlDataOffer> {
        let of = OfferOf {
            source: source.clone(),
            is_drag,
        };
        let client = device.client()?;
        let offer = client
            .create_resource::<wl_data_offer::WlDataOffer, _, Self>(
                &self.display,
                device.version(),
                of,
            )
            .ok()?;
        device.data_offer(&offer);
        let offered = source.data::<SharedOffered>()?.lock().ok()?;
        for mime in &offered.mimes {
            offer.offer(mime.clone());
        }
        if is_drag && offer.version() >= 3 {
            offer.source_actions(offered.actions.unwrap_or(DndAction::Copy));
        }
        Some(offer)
    }

    /// Tells the client that gets the keyboard what is in the clipboard.
    pub fn offer_selection(&mut self, key: Key) {
        for device in self.devices_of(key) {
            let offer = self
                .data
                .selection
                .as_ref()
                .and_then(|source| self.make_offer(&device, source, false));
            device.selection(offer.as_ref());
        }
    }

    /// The pointer moved with something under it.
    pub fn drag_motion(&mut self) {
        let Some(drag) = &self.data.drag else {
            return;
        };
        // Without a source, only the client it came from hears of it.
        let (origin, private, old) = (drag.origin, drag.source.is_none(), drag.focus);
        let under = self
            .surface_at(self.seat.x, self.seat.y)
            .filter(|(key, ..)| {
                let same = self
                    .surfaces
                    .get(key)
                    .is_some_and(|its| self.is_of(origin, &its.resource.id()));
                !private || same
            });
        let focus = under.map(|(key, ..)| key);
        if focus == old {
            if let Some((key, x, y)) = under {
                let time = self.now();
                self.devices_of(key)
                    .iter()
                    .for_each(|device| device.motion(time, x, y));
            }
            return;
        }
        if let Some(old) = old {
            self.devices_of(old)
                .iter()
                .for_each(|device| device.leave());
        }
        let mut offers = Vec::new();
        if let Some((key, x, y)) = under {
            let serial = self.serial();
            for device in self.devices_of(key) {
                let source = self
                    .data
                    .drag
                    .as_ref()
                    .and_then(|drag| drag.source.as_ref());
                let offer = source.and_then(|source| self.make_offer(&device, source, true));
                if let Some(surface) = self.surfaces.get(&key) {
                    device.enter(serial, &surface.resource, x, y, offer.as_ref());
                }
                offers.extend(offer);
            }
        }
        if let Some(drag) = &mut self.data.drag {
            (drag.focus, drag.offers) = (focus, offers);
            (drag.accepted, drag.action) = (false, DndAction::None);
        }
    }

    /// It was let go.
    pub fn drop_drag(&mut self) {
        self.damage_cursor();
        self.data.icon = None;
        let Some(drag) = self.data.drag.take() else {
            return;
        };
        // Before version 3 there were no actions to agree on.
        let old = drag.offers.iter().all(|offer| offer.version() < 3);
        let wanted = drag.source.is_none() || (drag.accepted && (old || !drag.action.is_empty()));
        match drag.focus {
            Some(focus) if wanted => {
                self.devices_of(focus)
                    .iter()
                    .for_each(|device| device.drop());
                if let Some(source) = drag.source.filter(|source| source.version() >= 3) {
                    source.dnd_drop_performed();
                }
            }
            focus => {
                if let Some(focus) = focus {
                    self.devices_of(focus)
                        .iter()
                        .for_each(|device| device.leave());
                }
                if let Some(source) = drag.source {
                    source.cancelled();
                }
            }
        }
    }

    fn cancel_drag(&mut self) {
        self.damage_cursor();
        self.data.icon = None;
        if let Some(drag) = self.data.drag.take()
            && let Some(focus) = drag.focus
        {
            self.devices_of(focus)
                .iter()
                .for_each(|device| device.leave());
        }
        if self.seat.grab == Grab::Drag {
            self.seat.grab = Grab::None;
        }
    }

    /// A surface is gone: nothing is over it, and it is under nothing.
    pub fn data_forget(&mut self, key: Key) {
        if self.data.icon == Some(key) {
            self.damage_cursor();
            self.data.icon = None;
        }
        if let Some(drag) = &mut self.data.drag
            && drag.focus == Some(key)
        {
            drag.focus = None;
            drag.offers.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_agree_on_an_action() {
        let all = DndAction::Copy | DndAction::Move;
        assert_eq!(choose(all, all, DndAction::Move), DndAction::Move);
        assert_eq!(choose(all, all, DndAction::None), DndAction::Copy);
        assert_eq!(
            choose(DndAction::Move, all, DndAction::Copy),
            DndAction::Move
        );
        assert_eq!(
            choose(DndAction::Move, DndAction::Copy, DndAction::Copy),
            DndAction::None
        );
    }
}
