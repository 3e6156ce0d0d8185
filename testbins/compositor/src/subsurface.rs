//! `wl_subcompositor`: surfaces that are parts of others.

use wayland_server::backend::ClientId;
use wayland_server::protocol::{wl_subcompositor, wl_subsurface, wl_surface};
use wayland_server::{Client, DataInit, Dispatch, DisplayHandle, GlobalDispatch, New, Resource};

use crate::role::{Role, Sub};
use crate::state::{Key, State};

impl GlobalDispatch<wl_subcompositor::WlSubcompositor, ()> for State {
    fn bind(
        _: &mut Self,
        _: &DisplayHandle,
        _: &Client,
        resource: New<wl_subcompositor::WlSubcompositor>,
        (): &(),
        init: &mut DataInit<'_, Self>,
    ) {
        init.init(resource, ());
    }
}

impl Dispatch<wl_subcompositor::WlSubcompositor, ()> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &wl_subcompositor::WlSubcompositor,
        request: wl_subcompositor::Request,
        (): &(),
        _: &DisplayHandle,
        init: &mut DataInit<'_, Self>,
    ) {
        let wl_subcompositor::Request::GetSubsurface {
            id,
            surface,
            parent,
        } = request
        else {
            return;
        };
        let (Some(key), Some(parent)) = (
            surface.data::<Key>().copied(),
            parent.data::<Key>().copied(),
        ) else {
            init.init(id, Key(0));
            return;
        };
        init.init(id, key);
        let taken = state.surfaces.get(&key).is_some_and(|surface| {
            !matches!(
                surface.role,
                Role::None | Role::Sub(Sub { parent: None, .. })
            )
        });
        if taken || key == parent || state.has_ancestor(parent, key) {
            resource.post_error(
                wl_subcompositor::Error::BadSurface,
                "the surface has a role or is its own ancestor",
            );
            return;
        }
        if let Some(surface) = state.surfaces.get_mut(&key) {
            surface.role = Role::Sub(Sub {
                parent: Some(parent),
                x: 0,
                y: 0,
                next: None,
                sync: true,
                cached: None,
            });
        }
        if let Some(parent) = state.surfaces.get_mut(&parent) {
            // On top of its siblings, once the parent commits.
            let (_, above) = order_of(parent);
            above.push(key);
        }
    }
}

/// The order that a parent's next commit brings, to be changed.
fn order_of(parent: &mut crate::surface::Surface) -> (&mut Vec<Key>, &mut Vec<Key>) {
    let now = (parent.below.clone(), parent.above.clone());
    let (below, above) = parent.pending.order.get_or_insert(now);
    (below, above)
}

/// Puts `key` next to `sibling`: over it, or under it. False if there is no such sibling.
fn restack(
    below: &mut Vec<Key>,
    above: &mut Vec<Key>,
    key: Key,
    sibling: Option<Key>,
    over: bool,
) -> bool {
    let Some(sibling) = sibling else {
        // The parent itself.
        below.retain(|its| *its != key);
        above.retain(|its| *its != key);
        if over {
            above.insert(0, key);
        } else {
            below.push(key);
        }
        return true;
    };
    if key == sibling || !(below.contains(&sibling) || above.contains(&sibling)) {
        return false;
    }
    below.retain(|its| *its != key);
    above.retain(|its| *its != key);
    for list in [below, above] {
        if let Some(at) = list.iter().position(|its| *its == sibling) {
            list.insert(at + usize::from(over), key);
        }
    }
    true
}

impl State {
    fn has_ancestor(&self, key: Key, wanted: Key) -> bool {
        let mut key = key;
        for _ in 0..64 {
            match self.surfaces.get(&key).map(|surface| &surface.role) {
                Some(Role::Sub(Sub {
                    parent: Some(parent),
                    ..
                })) => key = *parent,
                _ => return false,
            }
            if key == wanted {
                return true;
            }
        }
        // A chain so long is refused as if it were a circle.
        true
    }

    /// A subsurface or popup whose parent is gone.
    pub fn orphan(&mut self, key: Key) {
        if let Some(Role::Sub(sub)) = self.surfaces.get_mut(&key).map(|surface| &mut surface.role) {
            sub.parent = None;
        }
    }

    /// Takes a surface out of every order it stands in.
    pub fn forget_surface(&mut self, key: Key) {
        for surface in self.surfaces.values_mut() {
            surface.below.retain(|its| *its != key);
            surface.above.retain(|its| *its != key);
            if let Some((below, above)) = &mut surface.pending.order {
                below.retain(|its| *its != key);
                above.retain(|its| *its != key);
            }
            if let Role::Popup(popup) = &mut surface.role
                && popup.parent == Some(key)
            {
                popup.parent = None;
            }
        }
    }

    fn restack_sub(&mut self, key: Key, sibling: &wl_surface::WlSurface, over: bool) -> bool {
        let Some(Role::Sub(Sub {
            parent: Some(parent),
            ..
        })) = self.surfaces.get(&key).map(|surface| &surface.role)
        else {
            return true;
        };
        let parent = *parent;
        let sibling = sibling
            .data::<Key>()
            .copied()
            .filter(|sibling| *sibling != parent);
        let Some(parent) = self.surfaces.get_mut(&parent) else {
            return true;
        };
        let (below, above) = order_of(parent);
        restack(below, above, key, sibling, over)
    }
}

impl Dispatch<wl_subsurface::WlSubsurface, Key> for State {
    fn request(
        state: &mut Self,
        _: &Client,
        resource: &wl_subsurface::WlSubsurface,
        request: wl_subsurface::Request,
        key: &Key,
        _: &DisplayHandle,
        _: &mut DataInit<'_, Self>,
    ) {
        use wl_subsurface::Request;
        let sibling_is_one = match request {
            Request::PlaceAbove { sibling } => state.restack_sub(*key, &sibling, true),
            Request::PlaceBelow { sibling } => state.restack_sub(*key, &sibling, false),
            Request::SetPosition { x, y } => {
                if let Some(sub) = state.sub(*key) {
                    sub.next = Some((x, y));
                }
                true
            }
            Request::SetSync => {
                if let Some(sub) = state.sub(*key) {
                    sub.sync = true;
                }
                true
            }
            Request::SetDesync => {
                state.desync(*key);
                true
            }
            _ => true,
        };
        if !sibling_is_one {
            resource.post_error(
                wl_subsurface::Error::BadSurface,
                "not a sibling or the parent",
            );
        }
    }

    fn destroyed(state: &mut Self, _: ClientId, _: &wl_subsurface::WlSubsurface, key: &Key) {
        state.hide(*key);
        state.forget_surface(*key);
        if let Some(sub) = state.sub(*key) {
            sub.parent = None;
        }
    }
}

impl State {
    fn sub(&mut self, key: Key) -> Option<&mut Sub> {
        match &mut self.surfaces.get_mut(&key)?.role {
            Role::Sub(sub) => Some(sub),
            _ => None,
        }
    }

    /// From now on its commits count at once; the one that waited, too.
    fn desync(&mut self, key: Key) {
        let cached = self.sub(key).and_then(|sub| {
            sub.sync = false;
            sub.cached.take()
        });
        if let Some(cached) = cached {
            self.apply(key, cached);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn siblings_are_put_over_and_under() {
        let key = Key;
        let (mut below, mut above) = (Vec::new(), vec![key(1), key(2), key(3)]);
        assert!(restack(&mut below, &mut above, key(1), Some(key(3)), true));
        assert_eq!(above, [key(2), key(3), key(1)]);
        assert!(restack(&mut below, &mut above, key(1), Some(key(2)), false));
        assert_eq!(above, [key(1), key(2), key(3)]);
        assert!(restack(&mut below, &mut above, key(3), None, false));
        assert_eq!(
            (below.as_slice(), above.as_slice()),
            ([key(3)].as_slice(), [key(1), key(2)].as_slice())
        );
        assert!(restack(&mut below, &mut above, key(2), Some(key(3)), true));
        assert_eq!(below, [key(3), key(2)]);
        assert!(!restack(&mut below, &mut above, key(2), Some(key(9)), true));
        assert!(!restack(&mut below, &mut above, key(2), Some(key(2)), true));
    }
}
