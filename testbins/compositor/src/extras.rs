//! `wl_output`, `wp_viewporter` and `wp_presentation`.

use wayland_protocols::wp::presentation_time::server::{wp_presentation, wp_presentation_feedback};
use wayland_protocols::wp::viewporter::server::{wp_viewport, wp_viewporter};
use wayland_server::backend::ClientId;
use wayland_server::protocol::wl_output;
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use crate::state::{Key, State};

/// Clock number 1 is CLOCK_MONOTONIC.
const MONOTONIC: u32 = 1;

impl GlobalDispatch<wl_output::WlOutput, ()> for State {
    fn bind(
        state: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wl_output::WlOutput>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        let output = init.init(resource, ());
        let (name, subpixel) = ("Virtual-1", wl_output::Subpixel::Unknown);
        let mode = wl_output::Mode::Current | wl_output::Mode::Preferred;
        output.geometry(
            0,
            0,
            0,
            0,
            subpixel,
            "Nacre".into(),
            name.into(),
            wl_output::Transform::Normal,
        );
        output.mode(mode, state.screen.w, state.screen.h, state.refresh);
        if output.version() >= 2 {
            output.scale(1);
        }
        if output.version() >= 4 {
            output.name(name.into());
            output.description("The virtual machine's screen".into());
        }
        if output.version() >= 2 {
            output.done();
        }
        state.outputs.push(output);
    }
}

impl Dispatch<wl_output::WlOutput, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wl_output::WlOutput,
        _: wl_output::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }

    fn destroyed(state: &mut Self, _: ClientId, resource: &wl_output::WlOutput, (): &()) {
        state.outputs.retain(|output| output.id() != resource.id());
    }
}

impl GlobalDispatch<wp_viewporter::WpViewporter, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wp_viewporter::WpViewporter>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        init.init(resource, ());
    }
}

impl Dispatch<wp_viewporter::WpViewporter, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &wp_viewporter::WpViewporter,
        request: wp_viewporter::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        let wp_viewporter::Request::GetViewport { id, surface } = request else {
            return;
        };
        let key = surface.data::<Key>().copied().unwrap_or(Key(0));
        init.init(id, key);
        if let Some(surface) = state.surfaces.get_mut(&key)
            && std::mem::replace(&mut surface.has_viewport, true)
        {
            resource.post_error(
                wp_viewporter::Error::ViewportExists,
                "it has a viewport already",
            );
        }
    }
}

impl Dispatch<wp_viewport::WpViewport, Key> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &wp_viewport::WpViewport,
        request: wp_viewport::Request,
        key: &Key,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        let surface = state.surfaces.get_mut(key);
        match request {
            wp_viewport::Request::Destroy => {}
            _ if surface.is_none() => {
                resource.post_error(wp_viewport::Error::NoSurface, "its surface is gone");
            }
            wp_viewport::Request::SetSource {
                x,
                y,
                width,
                height,
            } => {
                let none = [x, y, width, height]
                    .iter()
                    .all(|value| (value + 1.0).abs() < 1e-9);
                if !none && (x < 0.0 || y < 0.0 || width <= 0.0 || height <= 0.0) {
                    resource.post_error(wp_viewport::Error::BadValue, "a bad source");
                } else if let Some(surface) = surface {
                    surface.pending.crop = Some((!none).then_some((x, y, width, height)));
                }
            }
            wp_viewport::Request::SetDestination { width, height } => {
                let none = (width, height) == (-1, -1);
                if !none && (width <= 0 || height <= 0) {
                    resource.post_error(wp_viewport::Error::BadValue, "a bad destination");
                } else if let Some(surface) = surface {
                    surface.pending.destination = Some((!none).then_some((width, height)));
                }
            }
            _ => {}
        }
    }

    fn destroyed(state: &mut Self, _: ClientId, _: &wp_viewport::WpViewport, key: &Key) {
        if let Some(surface) = state.surfaces.get_mut(key) {
            surface.has_viewport = false;
            surface.pending.crop = Some(None);
            surface.pending.destination = Some(None);
        }
    }
}

impl GlobalDispatch<wp_presentation::WpPresentation, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wp_presentation::WpPresentation>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        init.init(resource, ()).clock_id(MONOTONIC);
    }
}

impl Dispatch<wp_presentation::WpPresentation, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &wp_presentation::WpPresentation,
        request: wp_presentation::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        if let wp_presentation::Request::Feedback { surface, callback } = request {
            let feedback = init.init(callback, ());
            let key = surface.data::<Key>().copied().unwrap_or(Key(0));
            match state.surfaces.get_mut(&key) {
                Some(surface) => surface.pending.feedback.push(feedback),
                None => feedback.discarded(),
            }
        }
    }
}

impl Dispatch<wp_presentation_feedback::WpPresentationFeedback, ()> for State {
    fn request(
        _: &mut Self,
        _: &Client,
        _: &wp_presentation_feedback::WpPresentationFeedback,
        _: wp_presentation_feedback::Request,
        (): &(),
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
    }
}

/// When a frame came onto the screen.
#[derive(Debug, Clone, Copy)]
pub struct Shown {
    /// Nanoseconds of the monotonic clock.
    pub time: u64,
    /// The screen's count of refreshes.
    pub sequence: u64,
    /// Whether the screen itself said so.
    pub by_screen: bool,
}

impl State {
    /// Tells those who waited for a frame that it is on the screen.
    pub fn shown(&mut self, owed: crate::state::Owed, shown: Shown) {
        let millis = (shown.time / 1_000_000) as u32;
        for callback in owed.callbacks {
            callback.done(millis);
        }
        let refresh = 1_000_000_000_000_u64
            .checked_div(u64::try_from(self.refresh).unwrap_or(0))
            .unwrap_or(0);
        let kind = if shown.by_screen {
            wp_presentation_feedback::Kind::Vsync
        } else {
            wp_presentation_feedback::Kind::empty()
        };
        let seconds = shown.time / 1_000_000_000;
        for feedback in owed.feedback {
            for output in &self.outputs {
                if output.id().same_client_as(&feedback.id()) {
                    feedback.sync_output(output);
                }
            }
            feedback.presented(
                (seconds >> 32) as u32,
                seconds as u32,
                (shown.time % 1_000_000_000) as u32,
                refresh as u32,
                (shown.sequence >> 32) as u32,
                shown.sequence as u32,
                kind,
            );
        }
    }
}
