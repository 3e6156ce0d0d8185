//! Cases in which somebody types.

use anyhow::Result;

use super::{Case, Ended, Lab};

/// All of them.
pub const CASES: [Case; 1] = [(
    "caps_lock_stays_on_until_it_is_pressed_again",
    caps_lock_stays_on_until_it_is_pressed_again,
)];

/// A modifier that is locked: on from the press to the next one, through releases, beside one that is held, and told
/// to who gets the keyboard later. (Releasing it changes no modifier, so nothing is said of them then.)
fn caps_lock_stays_on_until_it_is_pressed_again(lab: &mut Lab) -> Result<Ended> {
    let body = "start\nprobe --title first | tee first &\n\
                until grep -q 'key 58 up' first; do sleep 0.1; done\n\
                echo next\nprobe --title second & wait";
    let markers = [
        "focus",
        "key 58 down",
        "modifiers 0 2",
        "key 58 up",
        "next",
        // The second window has the keyboard now.
        "focus",
        "modifiers 0 2",
        "modifiers 1 2",
        "modifiers 0 2",
        "modifiers 0 0",
        "key 58 up",
    ];
    lab.play(body, &markers, &mut |step, qmp| match step {
        0 => qmp.key("caps_lock", true),
        2 => qmp.key("caps_lock", false),
        6 => qmp.key("shift", true),
        7 => qmp.key("shift", false),
        8 => qmp.key("caps_lock", true),
        9 => qmp.key("caps_lock", false),
        _ => Ok(()),
    })?;
    Ok(Ended::Well)
}
