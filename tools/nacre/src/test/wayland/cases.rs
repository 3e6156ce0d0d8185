//! The cases.

use anyhow::{Context, Result, bail, ensure};

use super::{Case, Ended, Lab, still, until};
use crate::wayland::picture::{Part, Picture};

/// All of them, but those of upstream.
pub const CASES: [Case; 10] = [
    (
        "first_frame_is_the_golden_one",
        first_frame_is_the_golden_one,
    ),
    ("frames_move", frames_move),
    ("every_client_shows_a_window", every_client_shows_a_window),
    ("presentation_is_told", presentation_is_told),
    (
        "keys_and_pointer_reach_a_client",
        keys_and_pointer_reach_a_client,
    ),
    (
        "windows_are_stacked_and_moved",
        windows_are_stacked_and_moved,
    ),
    (
        "a_killed_client_leaves_the_screen",
        a_killed_client_leaves_the_screen,
    ),
    (
        "the_compositor_is_started_again",
        the_compositor_is_started_again,
    ),
    (
        "a_pool_cut_short_ends_its_client_alone",
        a_pool_cut_short_ends_its_client_alone,
    ),
    (
        "a_hundred_clients_leave_no_memory_behind",
        a_hundred_clients_leave_no_memory_behind,
    ),
];

/// Where a window of weston-simple-shm stands that is the first: 250 by 250 in the middle.
const SIMPLE_SHM: Part = (387, 259, 250, 250);

/// The first input device.
const INPUT: &str = "/dev/input/event0";

const RED: [u8; 3] = [0xc0, 0x30, 0x30];
const GREEN: [u8; 3] = [0x30, 0xc0, 0x30];

/// The first frame of an unmodified client, pixel by pixel: no frame callback is sent, so it stays.
fn first_frame_is_the_golden_one(lab: &mut Lab) -> Result<Ended> {
    let golden = lab.golden.join("simple-shm.png");
    let got = lab.out.join("wayland-first-frame.png");
    let body = "start --hold-frames\nweston-simple-shm & wait";
    lab.play(body, &["map "], &mut |_, qmp| {
        let (x, y, _, _) = SIMPLE_SHM;
        // The picture's padding is white.
        until(qmp, "the window", |picture| {
            picture.pixel(x + 1, y + 1) == Some([255; 3])
        })?;
        let picture = still(qmp)?;
        picture.write(&got)?;
        let wanted = Picture::read(&golden)?;
        match picture.differs(&wanted) {
            Some(0) => Ok(()),
            Some(count) => bail!(
                "{count} pixels differ: see {} and {}",
                got.display(),
                golden.display()
            ),
            None => bail!("the sizes differ: see {}", got.display()),
        }
    })?;
    Ok(Ended::Well)
}

/// Frame callbacks make the client draw on; nothing outside its window changes.
fn frames_move(lab: &mut Lab) -> Result<Ended> {
    lab.play(
        "start\nweston-simple-shm & wait",
        &["map ", "rate"],
        &mut |step, qmp| {
            if step == 0 {
                return Ok(());
            }
            let mut last = qmp.picture()?;
            for _ in 0..3 {
                // A busy machine may take its time for a frame.
                let moved = |next: &Picture| next.differences(&last, SIMPLE_SHM) > 5000;
                let next = until(qmp, "a frame that is another", moved)?;
                let inside = next.differences(&last, SIMPLE_SHM);
                let all = next.differs(&last).context("the screen changed its size")?;
                ensure!(
                    all == inside,
                    "{} pixels outside of the window moved",
                    all - inside
                );
                last = next;
            }
            Ok(())
        },
    )?;
    Ok(Ended::Well)
}

/// Five unmodified clients side by side.
fn every_client_shows_a_window(lab: &mut Lab) -> Result<Ended> {
    let picture = lab.out.join("wayland-clients.png");
    let body = "start\nfor client in simple-shm simple-damage simple-touch multi-resource; do\n\
                weston-$client & sleep 0.3; done\nweston-presentation-shm & wait";
    lab.play(
        body,
        &["map ", "map ", "map ", "map ", "map ", "rate"],
        &mut |step, qmp| {
            if step == 5 {
                qmp.picture()?.write(&picture)?;
            }
            Ok(())
        },
    )?;
    Ok(Ended::Well)
}

/// wp_presentation: a client hears when its frames were seen.
fn presentation_is_told(lab: &mut Lab) -> Result<Ended> {
    let body = "start\nweston-presentation-shm -f & wait";
    lab.play(body, &["c2p", "c2p", "c2p"], &mut |_, _| Ok(()))?;
    Ok(Ended::Well)
}

/// From QEMU's devices through evdev and the compositor to a client on libwayland, and a keymap it can read.
fn keys_and_pointer_reach_a_client(lab: &mut Lab) -> Result<Ended> {
    if !lab.has(INPUT)? {
        return Ok(Ended::Skipped(format!("the kernel has no {INPUT}")));
    }
    let body = "start\nprobe --size 400x300 & wait";
    let markers = [
        "map ",
        "enter 200 150",
        "motion 208 156",
        "button 272 down",
        "button 272 up",
        "key 30 down",
        "key 30 up",
        "modifiers 1 0",
        "modifiers 0 0",
        "leave",
    ];
    let said = lab.play(body, &markers, &mut |step, qmp| match step {
        0 => qmp.pointer(512, 384),
        1 => qmp.pointer(520, 390),
        2 => qmp.button(true),
        3 => qmp.button(false),
        4 => qmp.key("a", true),
        5 => qmp.key("a", false),
        6 => qmp.key("shift", true),
        7 => qmp.key("shift", false),
        8 => qmp.pointer(10, 10),
        _ => Ok(()),
    })?;
    ensure!(said.contains("keymap 1 whole"), "no keymap:\n{said}");
    Ok(Ended::Well)
}

/// The later window is on top until the other one is clicked; with Alt held it follows the pointer.
fn windows_are_stacked_and_moved(lab: &mut Lab) -> Result<Ended> {
    if !lab.has(INPUT)? {
        return Ok(Ended::Skipped(format!("the kernel has no {INPUT}")));
    }
    // Green comes once red has the keyboard, which is when it is on the screen.
    let body = "start\nprobe --size 400x300 --title red | tee red &\n\
                until grep -q focus red; do sleep 0.1; done\n\
                probe --size 400x300 --colour 30c030 --title green & wait";
    // Red stands at (312, 234), green 32 further to the right and down.
    let (red_only, both) = ((330, 250), (500, 400));
    let at = |picture: &Picture, (x, y): (usize, usize)| picture.pixel(x, y);
    // Keyboard and tablet are two devices: what one of them said has arrived before the other says something.
    let markers = ["map ", "map ", "button 272 up", "modifiers 8 0", "leave"];
    lab.play(body, &markers, &mut |step, qmp| match step {
        1 => {
            until(qmp, "green over red", |picture| {
                at(picture, both) == Some(GREEN) && at(picture, red_only) == Some(RED)
            })?;
            qmp.pointer(320, 240)?;
            qmp.button(true)?;
            qmp.button(false)
        }
        2 => {
            until(qmp, "red over green", |picture| {
                at(picture, both) == Some(RED)
            })?;
            qmp.key("alt", true)
        }
        3 => qmp.button(true),
        4 => {
            // 200 to the left and 100 up; what it covered is whole again.
            qmp.pointer(120, 140)?;
            let moved = |picture: &Picture| {
                at(picture, (115, 300)) == Some(RED)
                    && at(picture, both) == Some(RED)
                    && at(picture, (520, 440)) == Some(GREEN)
                    && at(picture, (600, 500)) == Some(GREEN)
            };
            until(qmp, "red moved away", moved)?;
            qmp.button(false)?;
            qmp.key("alt", false)
        }
        _ => Ok(()),
    })?;
    Ok(Ended::Well)
}

/// SIGKILL with buffers in flight: the window goes, the rest of the screen stays, the next client is served.
fn a_killed_client_leaves_the_screen(lab: &mut Lab) -> Result<Ended> {
    let body = "start\nsleep 1; echo look\nweston-simple-shm & victim=$!\nsleep 2; kill -9 $victim\nsleep 1\n\
                probe --size 100x100 & wait";
    let mut empty = None;
    lab.play(
        body,
        &["look", "map ", "gone ", "map "],
        &mut |step, qmp| match step {
            0 => {
                empty = Some(still(qmp)?);
                Ok(())
            }
            2 => {
                let empty = empty.as_ref().context("no picture of the empty screen")?;
                until(qmp, "the empty screen again", |picture| picture == empty).map(|_| ())
            }
            3 => until(qmp, "the next client's window", |picture| {
                picture.count(RED, (0, 0, picture.width, picture.height)) == 100 * 100
            })
            .map(|_| ()),
            _ => Ok(()),
        },
    )?;
    Ok(Ended::Well)
}

/// SIGKILL for the compositor: its clients end, another takes card, devices and socket over, and clients come back.
fn the_compositor_is_started_again(lab: &mut Lab) -> Result<Ended> {
    let body = "compositor --report & first=$!\nwhile [ ! -S $XDG_RUNTIME_DIR/wayland-0 ]; do sleep 0.02; done\n\
                probe & sleep 1\nkill -9 $first\nwait %2; echo client ended\n\
                compositor --report &\nuntil probe --frames 1 > /dev/null 2>&1; do sleep 0.1; done\n\
                echo served again\nweston-simple-shm & wait";
    let markers = [
        "map ",
        "disconnected",
        "client ended",
        "served again",
        "simple-shm",
    ];
    lab.play(body, &markers, &mut |step, qmp| {
        if step < 4 {
            return Ok(());
        }
        let whole = |picture: &Picture| (picture.width, picture.height) == crate::wayland::SCREEN;
        until(qmp, "the window", |picture| {
            whole(picture)
                && picture.count([255; 3], (0, 0, picture.width, picture.height)) > 10_000
        })
        .map(|_| ())
    })?;
    Ok(Ended::Well)
}

/// A client cuts its pool short after it said how large it is: it hears of a protocol error, and others of nothing.
fn a_pool_cut_short_ends_its_client_alone(lab: &mut Lab) -> Result<Ended> {
    let body = "start\nprobe --size 300x200 --colour 30c030 --title good & sleep 1\n\
                probe --shrink --title bad; echo \"bad $?\"\nprobe --frames 3 --title late; echo \"late $?\"\n\
                echo over; wait";
    lab.play(
        body,
        &["map ", "error wl_buffer 2", "bad 3", "late 0", "over"],
        &mut |step, qmp| {
            if step < 4 {
                return Ok(());
            }
            until(qmp, "the good client's whole window", |picture| {
                picture.count(GREEN, (0, 0, picture.width, picture.height)) == 300 * 200
            })
            .map(|_| ())
        },
    )?;
    Ok(Ended::Well)
}

/// A hundred clients, one after the other: what each of them took comes back.
fn a_hundred_clients_leave_no_memory_behind(lab: &mut Lab) -> Result<Ended> {
    /// KiB that caches may have grown by.
    const SLACK: i64 = 1024;
    let body = "free() { sed -n 's/^MemFree: *\\([0-9]*\\).*/\\1/p' /proc/meminfo; }\nstart\n\
                for i in 1 2 3 4 5 6 7 8 9 10; do probe --frames 2 > /dev/null; done\nbefore=$(free)\n\
                i=0; while [ $i -lt 100 ]; do probe --frames 2 > /dev/null || echo \"failed $?\"; i=$((i + 1)); done\n\
                sleep 1; echo \"memory $before $(free) end\"; wait";
    let said = lab.play(body, &[" end"], &mut |_, _| Ok(()))?;
    ensure!(!said.contains("failed "), "a client failed:\n{said}");
    let line = said
        .lines()
        .find(|line| line.starts_with("memory "))
        .context("no figures")?;
    let figures: Vec<i64> = line
        .split_whitespace()
        .filter_map(|word| word.parse().ok())
        .collect();
    let [before, after] = figures.as_slice() else {
        bail!("not two figures: {line}");
    };
    ensure!(
        before - after < SLACK,
        "{} KiB are gone: {line}",
        before - after
    );
    Ok(Ended::Well)
}
