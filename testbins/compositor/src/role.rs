//! What a surface is for.

use wayland_protocols::xdg::shell::server::xdg_popup::XdgPopup;
use wayland_protocols::xdg::shell::server::xdg_surface::XdgSurface;
use wayland_protocols::xdg::shell::server::xdg_toplevel::XdgToplevel;

use crate::geometry::Rect;
use crate::state::Key;
use crate::surface::Pending;

/// A surface has one role for life.
#[derive(Debug, Default)]
pub enum Role {
    /// Not said yet.
    #[default]
    None,
    /// A window.
    Toplevel(Toplevel),
    /// A menu or the like.
    Popup(Popup),
    /// A part of another surface.
    Sub(Sub),
    /// The pointer's picture, and where in it its tip is.
    Cursor((i32, i32)),
    /// What is dragged along.
    Icon,
}

/// What windows and popups have in common.
#[derive(Debug)]
pub struct Shell {
    /// The object that configures it.
    pub xdg: XdgSurface,
    /// What of it counts as the window.
    pub geometry: Option<Rect>,
    /// That, as it shall be from the next commit on.
    pub pending_geometry: Option<Rect>,
    /// Whether the client was told that it may draw.
    pub configured: bool,
    /// The number of the last that it was told.
    pub told: u32,
    /// The number of the last that it said it heard.
    pub acked: Option<u32>,
    /// Whether it is on the screen.
    pub mapped: bool,
}

impl Shell {
    /// Nothing said yet.
    pub fn new(xdg: XdgSurface) -> Self {
        Self {
            xdg,
            geometry: None,
            pending_geometry: None,
            configured: false,
            told: 0,
            acked: None,
            mapped: false,
        }
    }
}

/// A window.
#[derive(Debug)]
pub struct Toplevel {
    /// The object.
    pub resource: XdgToplevel,
    /// What popups have, too.
    pub shell: Shell,
    /// Left edge of its geometry on the screen.
    pub x: i32,
    /// Upper edge.
    pub y: i32,
    /// Whether it fills the screen, and whether without a frame.
    pub maximized: bool,
    /// Whether it covers the screen.
    pub fullscreen: bool,
    /// Where it was before.
    pub restore: Option<Rect>,
    /// Whether it is being resized.
    pub resizing: bool,
    /// A size that its client was told and has not drawn yet.
    pub asked: Option<(i32, i32)>,
    /// The edges that follow the pointer, and the geometry when that began.
    pub anchor: Option<(crate::grab::Edges, Rect)>,
    /// Its smallest size; 0 is none.
    pub min: (i32, i32),
    /// Its largest.
    pub max: (i32, i32),
    /// What it calls itself.
    pub title: String,
}

/// A popup.
#[derive(Debug)]
pub struct Popup {
    /// The object.
    pub resource: XdgPopup,
    /// What windows have, too.
    pub shell: Shell,
    /// Whose popup it is.
    pub parent: Option<Key>,
    /// Where, relative to the parent's geometry.
    pub place: Rect,
    /// Whether a press elsewhere dismisses it.
    pub grabs: bool,
}

/// A part of another surface.
#[derive(Debug)]
pub struct Sub {
    /// That surface, while it is there.
    pub parent: Option<Key>,
    /// Where in it.
    pub x: i32,
    /// Where in it.
    pub y: i32,
    /// Where from the parent's next commit on.
    pub next: Option<(i32, i32)>,
    /// Whether its commits wait for its parent's.
    pub sync: bool,
    /// A commit that waits.
    pub cached: Option<Pending>,
}
