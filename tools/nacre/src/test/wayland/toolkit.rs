//! Weston's clients that draw with cairo: windows with frames, letters, menus, and a terminal.

use anyhow::{Result, ensure};

use super::{Case, Ended, Lab, still, until};
use crate::wayland::picture::{Part, Picture};
use crate::wayland::qmp::Qmp;

/// All of them.
pub const CASES: [Case; 5] = [
    (
        "each_client_of_the_toolkit_opens_and_closes",
        each_client_of_the_toolkit_opens_and_closes,
    ),
    ("a_flower_is_dragged_whole", a_flower_is_dragged_whole),
    (
        "a_click_is_drawn_where_it_was",
        a_click_is_drawn_where_it_was,
    ),
    (
        "keys_are_understood_by_the_keymap",
        keys_are_understood_by_the_keymap,
    ),
    (
        "what_is_typed_runs_in_a_terminal",
        what_is_typed_runs_in_a_terminal,
    ),
];

/// All clients, one after the other; each is asked to close and ends by itself.
const CLIENTS: [&str; 12] = [
    "clickdot",
    "confine",
    "dnd",
    "eventdemo",
    "flower",
    "fullscreen",
    "resizor",
    "scaler",
    "smoke",
    "stacking",
    "terminal",
    "transformed",
];

/// Pixels of a part that are light.
fn light(picture: &Picture, part: Part) -> usize {
    all_of(part)
        .filter_map(|(x, y)| picture.pixel(x, y))
        .filter(|rgb| rgb.iter().any(|value| *value > 0x60))
        .count()
}

fn all_of((x, y, w, h): Part) -> impl Iterator<Item = (usize, usize)> {
    (y..y + h).flat_map(move |y| (x..x + w).map(move |x| (x, y)))
}

/// Asks the window with the keyboard to close.
fn close(qmp: &mut Qmp) -> Result<()> {
    qmp.key("alt", true)?;
    qmp.tap("f4")?;
    qmp.key("alt", false)
}

fn each_client_of_the_toolkit_opens_and_closes(lab: &mut Lab) -> Result<Ended> {
    let body = format!(
        "start\nfor client in {}; do weston-$client || echo \"$client failed: $?\"; done\necho all closed; wait",
        CLIENTS.join(" ")
    );
    let mut markers = vec!["\nmap "; CLIENTS.len()];
    markers.push("all closed");
    let said = lab.play(&body, &markers, &mut |step, qmp| {
        if step < CLIENTS.len() {
            close(qmp)?;
        }
        Ok(())
    })?;
    ensure!(!said.contains(" failed: "), "{said}");
    Ok(Ended::Well)
}

/// xdg_toplevel.move by a client that draws once: after it, each pixel is where it was, further to the right.
fn a_flower_is_dragged_whole(lab: &mut Lab) -> Result<Ended> {
    const AT: Part = (412, 284, 200, 200);
    /// The background's lines are so far apart, or a part of it.
    const BY: usize = 256;
    let mut before = None;
    let body = "start\nweston-flower & wait";
    lab.play(body, &["\nmap ", "moving "], &mut |step, qmp| {
        if step == 0 {
            // The background is the same there; before the flower is drawn, so are the pictures.
            until(qmp, "a flower", |picture| {
                let differs =
                    |(x, y): &(usize, usize)| picture.pixel(*x, *y) != picture.pixel(x + BY, *y);
                all_of(AT).filter(differs).count() > 1000
            })?;
            before = Some(still(qmp)?);
            qmp.pointer(512, 384)?;
            return qmp.button(true);
        }
        qmp.pointer(512 + BY, 384)?;
        qmp.button(false)?;
        // Where the pointer's picture is in nobody's way.
        qmp.pointer(20, 20)?;
        let Some(before) = &before else { return Ok(()) };
        until(qmp, "the same flower further right", |now| {
            all_of(AT).all(|(x, y)| {
                now.pixel(x + BY, y) == before.pixel(x, y)
                    && now.pixel(x, y) == before.pixel(x + BY, y)
            })
        })
        .map(|_| ())
    })?;
    Ok(Ended::Well)
}

/// The client draws a ring where it was clicked, and none where it had drawn one before.
fn a_click_is_drawn_where_it_was(lab: &mut Lab) -> Result<Ended> {
    /// Around the first ring, in the middle of the window.
    const FIRST: Part = (500, 372, 26, 26);
    /// Around the click.
    const CLICK: Part = (387, 437, 26, 26);
    let ring = |picture: &Picture, part| light(picture, part) > 40;
    lab.play(
        "start\nweston-clickdot & wait",
        &["\nmap "],
        &mut |_, qmp| {
            until(qmp, "the first ring", |picture| {
                ring(picture, FIRST) && light(picture, CLICK) == 0
            })?;
            qmp.pointer(400, 450)?;
            qmp.button(true)?;
            qmp.button(false)?;
            qmp.pointer(20, 20)?;
            until(qmp, "a ring where the click was", |picture| {
                ring(picture, CLICK) && light(picture, FIRST) == 0
            })
            .map(|_| ())
        },
    )?;
    Ok(Ended::Well)
}

/// libxkbcommon makes letters of keys with the compositor's keymap. What the client says comes out when it ends.
fn keys_are_understood_by_the_keymap(lab: &mut Lab) -> Result<Ended> {
    let body = "start\nweston-eventdemo --log-key & wait $!; echo closed; wait";
    let markers = [
        "\nmap ",
        "key: 30, unicode: 97, state: pressed, modifiers: 0x0",
        "key: 30, unicode: 65, state: pressed, modifiers: 0x1",
        "key: 30, unicode: 65, state: pressed, modifiers: 0x0",
        "closed",
    ];
    lab.play(body, &markers, &mut |step, qmp| {
        if step > 0 {
            return Ok(());
        }
        qmp.tap("a")?;
        qmp.key("shift", true)?;
        qmp.tap("a")?;
        qmp.key("shift", false)?;
        qmp.tap("caps_lock")?;
        qmp.tap("a")?;
        qmp.tap("caps_lock")?;
        close(qmp)
    })?;
    Ok(Ended::Well)
}

/// A shell on a pty inside a window: letters are echoed and drawn, the command runs, the window goes with the shell.
fn what_is_typed_runs_in_a_terminal(lab: &mut Lab) -> Result<Ended> {
    /// The prompt's place in the first line.
    const PROMPT: Part = (190, 224, 50, 18);
    /// Behind prompt and cursor.
    const TYPED: Part = (260, 224, 36, 18);
    /// The prompt's place in the second line.
    const NEXT: Part = (190, 244, 50, 12);
    let body = "rm -f t\nstart\nweston-terminal &\nuntil [ -s t ]; do sleep 0.1; done; echo \"on $(cat t)\"; wait";
    let markers = ["\nmap ", "on /dev/pts/0", "gone "];
    lab.play(body, &markers, &mut |step, qmp| match step {
        0 => {
            until(qmp, "a prompt", |picture| {
                light(picture, PROMPT) > 20 && light(picture, TYPED) == 0
            })?;
            qmp.text("tty>t\n")
        }
        1 => {
            until(qmp, "what was typed, and the next prompt", |picture| {
                light(picture, TYPED) > 20 && light(picture, NEXT) > 20
            })?;
            qmp.text("exit\n")
        }
        _ => Ok(()),
    })?;
    Ok(Ended::Well)
}
