//! What `/sys/class/drm` shows of a card and its displays, and the news of them.

use abi::drm::DRM_MAJOR;
use abi::drm::mode::DrmModeInfo;
use abi::stat::makedev;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use super::card::Card;
use super::state::Output;
use crate::node::{self, Node};

/// The node of a card.
fn node_of(card: &Card) -> Node {
    let name = format!("dri/card{}", card.minor);
    let mut node = Node::new(&name, makedev(DRM_MAJOR, card.minor), 0o600, "drm");
    node.above = format!("{}/drm", card.place);
    node.parent.clone_from(&card.place);
    node.kind = "drm_minor";
    node
}

/// Shows a card, with a directory for each display.
pub(super) fn card(card: &Arc<Card>) {
    node::text("class/drm/version", "drm 1.1.0 20060810\n");
    let node = node_of(card);
    let above = format!("{}/card{}", node.above, card.minor);
    node::publish(node);
    let displays: Vec<(u32, u32)> = card
        .state()
        .outputs
        .iter()
        .map(|output| (output.index, output.connector))
        .collect();
    for (index, connector) in displays {
        let name = format!("card{}-Virtual-{}", card.minor, index + 1);
        let place = format!("{above}/{name}");
        let file = |name: &str, make: fn(&Output) -> Vec<u8>| {
            let card = Arc::downgrade(card);
            node::file(&format!("{place}/{name}"), move || {
                let Some(card) = card.upgrade() else {
                    return Vec::new();
                };
                let state = card.state();
                state
                    .outputs
                    .iter()
                    .find(|output| output.index == index)
                    .map(make)
                    .unwrap_or_default()
            });
        };
        file("status", |output| {
            let is_there = output.display.size.is_some();
            (if is_there {
                "connected\n"
            } else {
                "disconnected\n"
            })
            .into()
        });
        file("enabled", |output| {
            let is_on = output.now.mode.is_some();
            (if is_on { "enabled\n" } else { "disabled\n" }).into()
        });
        file("dpms", |output| {
            (if output.now.active { "On\n" } else { "Off\n" }).into()
        });
        file("modes", modes);
        file("edid", |output| output.display.edid.clone());
        node::text(&format!("{place}/connector_id"), &format!("{connector}\n"));
        node::text(&format!("{place}/uevent"), "DEVTYPE=drm_connector\n");
        node::link(&format!("{place}/subsystem"), "class/drm");
        node::link(&format!("{place}/device"), &above);
        node::link(&format!("class/drm/{name}"), &place);
    }
}

/// The names of a display's modes, a line each.
fn modes(output: &Output) -> Vec<u8> {
    let name = |mode: &DrmModeInfo| {
        let name: Vec<u8> = mode
            .name
            .iter()
            .copied()
            .take_while(|byte| *byte != 0)
            .collect();
        String::from_utf8_lossy(&name).into_owned() + "\n"
    };
    output
        .modes
        .iter()
        .map(name)
        .collect::<String>()
        .into_bytes()
}

/// Tells that displays came, went or changed.
pub(super) fn changed(card: &Card) {
    let node = node_of(card);
    let place = format!("{}/card{}", node.above, card.minor);
    let lines = format!(
        "HOTPLUG=1\nMAJOR={DRM_MAJOR}\nMINOR={}\nDEVNAME={}\nDEVTYPE={}\n",
        card.minor, node.name, node.kind
    );
    node::uevent("change", &place, "drm", &lines);
}
