//! E20 and the rest of E14: what stands beside sockets in a program that serves.

use std::fs;
use std::io::{Read, Write};
use std::process;
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::inotify;
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketType};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
    timerfd_settime,
};

use crate::{Outcome, cases, expect, expect_eq, joined, pair};

cases![
    e14_vsock_is_there_or_honestly_not,
    e20_threads_hand_connections_over_by_a_condition,
    e20_one_poll_waits_for_a_socket_a_timer_and_a_folder,
];

fn e14_vsock_is_there_or_honestly_not() -> Outcome {
    let made = rustix::net::socket(AddressFamily::from_raw(40), SocketType::STREAM, None);
    expect!(matches!(made.map(drop), Ok(()) | Err(Errno::AFNOSUPPORT)));
    Ok(())
}

fn e20_threads_hand_connections_over_by_a_condition() -> Outcome {
    let (listener, address) = crate::listener()?;
    let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new()));
    let workers: Vec<_> = (0..4)
        .map(|_| {
            let shared = Arc::clone(&shared);
            thread::spawn(move || {
                let (queue, come) = &*shared;
                for _ in 0..8 {
                    let mut queue = queue
                        .lock()
                        .map_err(|_| std::io::Error::other("poisoned"))?;
                    let mut stream: std::net::TcpStream = loop {
                        if let Some(stream) = queue.pop() {
                            break stream;
                        }
                        queue = come
                            .wait(queue)
                            .map_err(|_| std::io::Error::other("poisoned"))?;
                    };
                    drop(queue);
                    stream.write_all(b"done")?;
                }
                Ok(())
            })
        })
        .collect();
    let acceptor = {
        let shared = Arc::clone(&shared);
        thread::spawn(move || {
            for _ in 0..32 {
                let (stream, _) = listener.accept()?;
                if let Ok(mut queue) = shared.0.lock() {
                    queue.push(stream);
                }
                shared.1.notify_one();
            }
            Ok(())
        })
    };
    for _ in 0..32 {
        let mut said = String::new();
        std::net::TcpStream::connect(address)?.read_to_string(&mut said)?;
        expect_eq!(said, "done");
    }
    joined(acceptor)?;
    workers.into_iter().try_for_each(joined)?;
    Ok(())
}

fn e20_one_poll_waits_for_a_socket_a_timer_and_a_folder() -> Outcome {
    let folder = format!("/tmp/sockets-{}", process::id());
    fs::create_dir_all(&folder)?;
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    inotify::add_watch(&watch, &folder, inotify::WatchFlags::CREATE)?;
    let timer = timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC)?;
    let soon = Itimerspec {
        it_interval: Timespec::default(),
        it_value: Timespec::try_from(Duration::from_millis(5))?,
    };
    let (mut client, server) = pair()?;
    let ready = || -> Result<[bool; 3], Errno> {
        let mut all = [
            PollFd::new(&server, PollFlags::IN),
            PollFd::new(&timer, PollFlags::IN),
            PollFd::new(&watch, PollFlags::IN),
        ];
        let limit = Timespec {
            tv_sec: 10,
            tv_nsec: 0,
        };
        poll(&mut all, Some(&limit))?;
        Ok(all.map(|one| one.revents().contains(PollFlags::IN)))
    };
    timerfd_settime(&timer, TimerfdTimerFlags::empty(), &soon)?;
    expect_eq!(ready()?, [false, true, false]);
    rustix::io::read(&timer, &mut [0; 8])?;
    fs::write(format!("{folder}/file"), "x")?;
    expect_eq!(ready()?, [false, false, true]);
    rustix::io::read(&watch, &mut [0; 256])?;
    client.write_all(b"x")?;
    expect_eq!(ready()?, [true, false, false]);
    fs::remove_dir_all(&folder)?;
    Ok(())
}
