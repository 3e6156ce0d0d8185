//! `wl_compositor`, `wl_surface`, `wl_region`: from requests to what a commit will bring.

use wayland_server::backend::ClientId;
use wayland_server::protocol::{wl_callback, wl_compositor, wl_output, wl_region, wl_surface};
use wayland_server::{
    Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource, WEnum,
};

use std::sync::{Arc, Mutex};

use crate::canvas::Turn;
use crate::geometry::{Rect, Region};
use crate::state::{Key, State};
use crate::surface::Surface;

/// A region under construction.
pub type SharedRegion = Arc<Mutex<Region>>;

impl GlobalDispatch<wl_compositor::WlCompositor, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wl_compositor::WlCompositor>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        init.init(resource, ());
    }
}

impl Dispatch<wl_compositor::WlCompositor, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &wl_compositor::WlCompositor,
        request: wl_compositor::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        match request {
            wl_compositor::Request::CreateSurface { id } => {
                let key = state.new_key();
                let resource = init.init(id, key);
                state.surfaces.insert(key, Surface::new(resource));
            }
            wl_compositor::Request::CreateRegion { id } => {
                init.init(id, SharedRegion::default());
            }
            _ => {}
        }
    }
}

impl Dispatch<wl_region::WlRegion, SharedRegion> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_region::WlRegion,
        request: wl_region::Request,
        region: &SharedRegion,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        let Ok(mut region) = region.lock() else {
            return;
        };
        match request {
            wl_region::Request::Add {
                x,
                y,
                width,
                height,
            } => region.add(Rect::new(x, y, width, height)),
            wl_region::Request::Subtract {
                x,
                y,
                width,
                height,
            } => region.subtract(Rect::new(x, y, width, height)),
            _ => {}
        }
    }
}

impl Dispatch<wl_callback::WlCallback, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_callback::WlCallback,
        _: wl_callback::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }
}

/// How a transform's name reads here.
fn turn(transform: WEnum<wl_output::Transform>) -> Option<Turn> {
    Some(match transform.into_result().ok()? {
        wl_output::Transform::Normal => Turn::Normal,
        wl_output::Transform::_90 => Turn::By90,
        wl_output::Transform::_180 => Turn::By180,
        wl_output::Transform::_270 => Turn::By270,
        wl_output::Transform::Flipped => Turn::Flipped,
        wl_output::Transform::Flipped90 => Turn::Flipped90,
        wl_output::Transform::Flipped180 => Turn::Flipped180,
        wl_output::Transform::Flipped270 => Turn::Flipped270,
        _ => return None,
    })
}

impl Dispatch<wl_surface::WlSurface, Key> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &wl_surface::WlSurface,
        request: wl_surface::Request,
        key: &Key,
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        use wl_surface::Request;
        if let Request::Commit = request {
            state.commit(*key);
            return;
        }
        let Some(surface) = state.surfaces.get_mut(key) else {
            // A callback must be made all the same: the library insists.
            if let Request::Frame { callback } = request {
                init.init(callback, ());
            }
            return;
        };
        let pending = &mut surface.pending;
        match request {
            Request::Attach { buffer, x, y } => {
                if resource.version() >= 5 && (x, y) != (0, 0) {
                    resource.post_error(wl_surface::Error::InvalidOffset, "attach with an offset");
                    return;
                }
                pending.offset = (x, y);
                pending.buffer = Some(buffer);
            }
            Request::Offset { x, y } => pending.offset = (x, y),
            Request::Damage {
                x,
                y,
                width,
                height,
            } => pending.damage.add(Rect::new(x, y, width, height)),
            Request::DamageBuffer {
                x,
                y,
                width,
                height,
            } => pending.buffer_damage.add(Rect::new(x, y, width, height)),
            Request::Frame { callback } => {
                let callback = init.init(callback, ());
                pending.callbacks.push(callback);
            }
            Request::SetInputRegion { region } => {
                let region = region.and_then(|region| {
                    let shared = region.data::<SharedRegion>()?;
                    Some(shared.lock().ok()?.clone())
                });
                pending.input = Some(region);
            }
            Request::SetBufferTransform { transform } => match turn(transform) {
                Some(turn) => pending.turn = Some(turn),
                None => {
                    resource.post_error(wl_surface::Error::InvalidTransform, "no such transform")
                }
            },
            Request::SetBufferScale { scale } if scale < 1 => {
                resource.post_error(wl_surface::Error::InvalidScale, "a scale below 1");
            }
            Request::SetBufferScale { scale } => pending.scale = Some(scale),
            // Opacity is taken from the buffer's format; the hint is not needed.
            _ => {}
        }
    }

    fn destroyed(state: &mut Self, _: ClientId, _: &wl_surface::WlSurface, key: &Key) {
        state.hide(*key);
        state.forget_surface(*key);
        if let Some(mut surface) = state.surfaces.remove(key) {
            let children = std::mem::take(&mut surface.below)
                .into_iter()
                .chain(surface.above);
            for child in children {
                state.orphan(child);
            }
        }
    }
}
