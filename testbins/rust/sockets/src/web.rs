//! E21: a client of busybox httpd. (curl and lighttpd are tried by scripts of their own.)

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use std::{fs, process, thread};

use crate::{Outcome, cases, expect, expect_eq, joined};

cases![
    e21_httpd_answers_get_head_and_404,
    e21_httpd_serves_fifty_at_once,
];

/// A server in a folder of its own.
struct Httpd {
    server: Child,
    folder: String,
    address: SocketAddr,
}

impl Httpd {
    fn start() -> io::Result<Self> {
        let folder = format!("/tmp/httpd-{}", process::id());
        fs::create_dir_all(&folder)?;
        fs::write(format!("{folder}/page.html"), "<p>a page</p>")?;
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let server = Command::new("/bin/busybox")
            .args(["httpd", "-f", "-p", &address.to_string(), "-h", &folder])
            .stderr(Stdio::null())
            .spawn()?;
        let this = Self {
            server,
            folder,
            address,
        };
        for _ in 0..500 {
            if TcpStream::connect(address).is_ok() {
                return Ok(this);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(io::ErrorKind::TimedOut.into())
    }
}

impl Drop for Httpd {
    fn drop(&mut self) {
        // What is left is swept away with the case's process group.
        let _ = self.server.kill();
        let _ = self.server.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn ask(address: SocketAddr, method: &str, path: &str) -> io::Result<String> {
    let mut stream = TcpStream::connect(address)?;
    write!(stream, "{method} {path} HTTP/1.0\r\n\r\n")?;
    let mut all = String::new();
    stream.read_to_string(&mut all)?;
    Ok(all)
}

fn e21_httpd_answers_get_head_and_404() -> Outcome {
    let server = Httpd::start()?;
    let page = ask(server.address, "GET", "/page.html")?;
    expect!(page.starts_with("HTTP/1.1 200 OK\r\n"));
    expect!(page.contains("Content-type: text/html"));
    expect!(page.ends_with("\r\n\r\n<p>a page</p>"));
    let head = ask(server.address, "HEAD", "/page.html")?;
    expect_eq!(head.lines().next(), Some("HTTP/1.1 200 OK"));
    expect!(head.contains("\r\nContent-Length: 13\r\n"));
    let none = ask(server.address, "GET", "/none")?;
    expect!(none.starts_with("HTTP/1.1 404 "));
    Ok(())
}

fn e21_httpd_serves_fifty_at_once() -> Outcome {
    let server = Httpd::start()?;
    let address = server.address;
    let clients: Vec<_> = (0..50)
        .map(|_| thread::spawn(move || ask(address, "GET", "/page.html")))
        .collect();
    for client in clients {
        expect_eq!(joined(client)?.ends_with("<p>a page</p>"), true);
    }
    Ok(())
}
