//! `xdg_toplevel`: windows.

use wayland_protocols::xdg::shell::server::xdg_toplevel;
use wayland_server::backend::ClientId;
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle};

use crate::geometry::Rect;
use crate::grab::Edges;
use crate::role::{Role, Toplevel};
use crate::state::{Key, State};

impl State {
    /// A window.
    pub fn toplevel(&mut self, key: Key) -> Option<&mut Toplevel> {
        match &mut self.surfaces.get_mut(&key)?.role {
            Role::Toplevel(top) => Some(top),
            _ => None,
        }
    }

    /// Lets a window fill the screen, or gives it back its place.
    fn fill(&mut self, key: Key, change: impl Fn(&mut Toplevel)) {
        let geometry = self.window_geometry(key);
        self.damage_window(key);
        let Some(top) = self.toplevel(key) else {
            return;
        };
        let was = top.maximized || top.fullscreen;
        change(top);
        let is = top.maximized || top.fullscreen;
        let mut size = None;
        if is && !was {
            top.restore = Some(Rect::new(top.x, top.y, geometry.w, geometry.h));
            (top.x, top.y) = (0, 0);
        } else if was
            && !is
            && let Some(restore) = top.restore.take()
        {
            (top.x, top.y) = (restore.x, restore.y);
            // One that never had a size of its own chooses one.
            size = (!restore.is_empty()).then_some((restore.w, restore.h));
        }
        let known = top.shell.configured;
        if known {
            self.configure(key, size);
        }
        self.damage_window(key);
    }

    /// The size that a window has once its client has drawn what it was told.
    pub fn wanted_size(&mut self, key: Key) -> (i32, i32) {
        let geometry = self.window_geometry(key);
        let asked = self.toplevel(key).and_then(|top| top.asked);
        asked.unwrap_or((geometry.w, geometry.h))
    }

    /// A client drew its window: what it was told last is done if it had heard of it.
    /// While its left or upper edge is dragged, a window keeps the other one where it was.
    pub fn settle_resize(&mut self, key: Key) {
        let geometry = self.window_geometry(key);
        let Some(top) = self.toplevel(key) else {
            return;
        };
        if top.shell.acked == Some(top.shell.told) {
            top.asked = None;
        }
        let Some((edges, start)) = top.anchor else {
            return;
        };
        let (x, y) = (top.x, top.y);
        if edges.left {
            top.x = start.right().saturating_sub(geometry.w);
        }
        if edges.top {
            top.y = start.bottom().saturating_sub(geometry.h);
        }
        let moved = (x, y) != (top.x, top.y);
        if !top.resizing && top.asked.is_none() {
            top.anchor = None;
        }
        if moved {
            let whole = Rect::new(x, y, geometry.w, geometry.h);
            self.damage(whole.union(start));
            self.damage_window(key);
        }
    }
}

impl Dispatch<xdg_toplevel::XdgToplevel, Key> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        _: &xdg_toplevel::XdgToplevel,
        request: xdg_toplevel::Request,
        key: &Key,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use xdg_toplevel::Request;
        match request {
            Request::SetTitle { title } => {
                if let Some(top) = state.toplevel(*key) {
                    top.title = title;
                }
            }
            Request::Move { .. } => state.begin_move(*key),
            Request::Resize { edges, .. } => {
                let edges = edges.into_result().map_or(0, u32::from);
                state.begin_resize(*key, Edges::from_bits(edges));
            }
            Request::SetMinSize { width, height } => {
                if let Some(top) = state.toplevel(*key) {
                    top.min = (width.max(0), height.max(0));
                }
            }
            Request::SetMaxSize { width, height } => {
                if let Some(top) = state.toplevel(*key) {
                    top.max = (width.max(0), height.max(0));
                }
            }
            Request::SetMaximized => state.fill(*key, |top| top.maximized = true),
            Request::UnsetMaximized => state.fill(*key, |top| top.maximized = false),
            Request::SetFullscreen { .. } => state.fill(*key, |top| top.fullscreen = true),
            Request::UnsetFullscreen => state.fill(*key, |top| top.fullscreen = false),
            // There is no place to minimize to, no window menu, no list of applications.
            _ => {}
        }
    }

    fn destroyed(state: &mut Self, _: ClientId, _: &xdg_toplevel::XdgToplevel, key: &Key) {
        state.end_role(*key);
    }
}
