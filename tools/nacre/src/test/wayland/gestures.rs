//! Cases in which somebody uses the pointer: menus, drag and drop, pulling at windows.

use anyhow::Result;

use super::{Case, Ended, Lab, until};
use crate::wayland::picture::Picture;

/// All of them.
pub const CASES: [Case; 4] = [
    (
        "a_menu_opens_at_the_pointer_and_is_dismissed",
        a_menu_opens_at_the_pointer_and_is_dismissed,
    ),
    (
        "text_is_dragged_from_one_client_to_another",
        text_is_dragged_from_one_client_to_another,
    ),
    (
        "a_client_has_its_window_resized",
        a_client_has_its_window_resized,
    ),
    (
        "a_client_has_its_window_moved",
        a_client_has_its_window_moved,
    ),
];

const RED: [u8; 3] = [0xc0, 0x30, 0x30];
const BLUE: [u8; 3] = [0x30, 0x30, 0xc0];

fn count(picture: &Picture, colour: [u8; 3]) -> usize {
    picture.count(colour, (0, 0, picture.width, picture.height))
}

/// xdg_popup with a grab: the client places it, a press elsewhere ends it.
fn a_menu_opens_at_the_pointer_and_is_dismissed(lab: &mut Lab) -> Result<Ended> {
    // A window of 400 by 300 stands at (312, 234).
    let body = "start\ndesk menu --size 400x300 & wait";
    let markers = [
        "shown",
        "over window 200 150",
        "menu at 201 151 size 80 60",
        "shown",
        "over menu",
        "menu done",
    ];
    lab.play(body, &markers, &mut |step, qmp| match step {
        0 => qmp.pointer(512, 384),
        1 => {
            qmp.button(true)?;
            qmp.button(false)
        }
        3 => {
            // Its upper left corner is below the pointer's picture.
            until(qmp, "the menu", |picture| {
                picture.pixel(592, 444) == Some(BLUE) && picture.pixel(593, 445) == Some(RED)
            })?;
            qmp.pointer(550, 420)
        }
        4 => {
            qmp.pointer(50, 50)?;
            qmp.button(true)?;
            qmp.button(false)
        }
        5 => until(qmp, "the window without the menu", |picture| {
            count(picture, BLUE) == 0 && count(picture, RED) == 400 * 300
        })
        .map(|_| ()),
        _ => Ok(()),
    })?;
    Ok(Ended::Well)
}

/// wl_data_device between two clients: what one offers the other takes through a pipe of its own.
fn text_is_dragged_from_one_client_to_another(lab: &mut Lab) -> Result<Ended> {
    // The first window stands at (362, 284), the later one 32 further to the right and down; the press raises the first.
    let body = "start\ndesk drag --size 300x200 | tee first &\n\
                until grep -q shown first; do sleep 0.1; done\n\
                desk drop --size 300x200 --colour 30c030 & wait";
    let markers = [
        "shown",
        "shown",
        "over window",
        "target none",
        "target text/plain",
        "got dragged",
        "finished",
    ];
    lab.play(body, &markers, &mut |step, qmp| match step {
        1 => qmp.pointer(370, 290),
        2 => qmp.button(true),
        3 => qmp.pointer(680, 500),
        4 => qmp.button(false),
        _ => Ok(()),
    })?;
    Ok(Ended::Well)
}

/// xdg_toplevel.resize: the lower right corner follows the pointer, and the client draws as it is told.
fn a_client_has_its_window_resized(lab: &mut Lab) -> Result<Ended> {
    let body = "start\ndesk resize --size 400x300 & wait";
    let markers = ["shown", "over window", "away", "size 450 330"];
    lab.play(body, &markers, &mut |step, qmp| match step {
        0 => qmp.pointer(512, 384),
        1 => qmp.button(true),
        2 => qmp.pointer(562, 414),
        3 => {
            qmp.button(false)?;
            qmp.pointer(20, 20)?;
            until(qmp, "the larger window", |picture| {
                count(picture, RED) == 450 * 330
            })
            .map(|_| ())
        }
        _ => Ok(()),
    })?;
    Ok(Ended::Well)
}

/// xdg_toplevel.move: the window follows the pointer.
fn a_client_has_its_window_moved(lab: &mut Lab) -> Result<Ended> {
    let body = "start\ndesk move --size 400x300 & wait";
    let markers = ["shown", "over window", "away", "over window"];
    lab.play(body, &markers, &mut |step, qmp| match step {
        0 => qmp.pointer(512, 384),
        1 => qmp.button(true),
        2 => {
            qmp.pointer(412, 334)?;
            qmp.button(false)
        }
        3 => {
            qmp.pointer(20, 20)?;
            until(qmp, "the window elsewhere", |picture| {
                count(picture, RED) == 400 * 300
                    && picture.pixel(212, 184) == Some(RED)
                    && picture.pixel(211, 183) != Some(RED)
            })
            .map(|_| ())
        }
        _ => Ok(()),
    })?;
    Ok(Ended::Well)
}
