//! E10 to E12: names and addresses, and which the machine has.

use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, ToSocketAddrs};

use dns_lookup::{AddrInfoHints, LookupErrorKind, getaddrinfo, getnameinfo};
use nix::ifaddrs::getifaddrs;

use crate::{Outcome, cases, dns, expect, expect_eq};

cases![
    e10_names_come_from_the_server_in_resolv_conf,
    e10_an_unknown_name_is_told_from_a_silent_server,
    e10_names_of_the_machine_itself,
    e11_the_interfaces_are_listed,
    e12_addresses_are_read_and_written,
];

const RESOLV: &str = "/etc/resolv.conf";

/// Another name server for as long as the value lives.
struct Resolver(Vec<u8>);

impl Resolver {
    fn at(text: &str) -> std::io::Result<Self> {
        let before = fs::read(RESOLV).unwrap_or_default();
        fs::write(RESOLV, text)?;
        Ok(Self(before))
    }
}

impl Drop for Resolver {
    fn drop(&mut self) {
        // A test's machine is thrown away; the next case sets its own.
        let _ = fs::write(RESOLV, &self.0);
    }
}

fn numeric(flags: i32) -> AddrInfoHints {
    AddrInfoHints {
        flags,
        socktype: 1,
        ..AddrInfoHints::default()
    }
}

fn e10_names_come_from_the_server_in_resolv_conf() -> Outcome {
    let _resolver = Resolver::at("nameserver 127.0.0.1\n")?;
    let _server = dns::serve()?;
    let found: Vec<SocketAddr> = (dns::NAME, 80).to_socket_addrs()?.collect();
    expect_eq!(found, [SocketAddr::from((dns::ADDRESS, 80))]);
    Ok(())
}

fn e10_an_unknown_name_is_told_from_a_silent_server() -> Outcome {
    let resolver = Resolver::at("nameserver 127.0.0.1\n")?;
    let _server = dns::serve()?;
    let unknown = getaddrinfo(Some("nobody.test"), None, None).map(|_| ());
    expect!(matches!(
        unknown.map_err(|error| error.kind()),
        Err(LookupErrorKind::NoName)
    ));
    drop(resolver);
    let _silent = Resolver::at("nameserver 127.0.0.9\noptions timeout:1 attempts:1\n")?;
    let again = getaddrinfo(Some(dns::NAME), None, None).map(|_| ());
    expect!(matches!(
        again.map_err(|error| error.kind()),
        Err(LookupErrorKind::Again)
    ));
    let family = AddrInfoHints {
        address: 99,
        ..AddrInfoHints::default()
    };
    let strange = getaddrinfo(Some("localhost"), None, Some(family)).map(|_| ());
    expect!(matches!(
        strange.map_err(|error| error.kind()),
        Err(LookupErrorKind::Family)
    ));
    Ok(())
}

fn e10_names_of_the_machine_itself() -> Outcome {
    let found: Vec<SocketAddr> = ("localhost", 7).to_socket_addrs()?.collect();
    expect!(found.contains(&"127.0.0.1:7".parse()?));
    expect!(found.contains(&"[::1]:7".parse()?));
    let (host, service) = getnameinfo(&"127.0.0.1:7".parse()?, 0).map_err(|e| format!("{e:?}"))?;
    expect_eq!((host.as_str(), service.as_str()), ("localhost", "7"));
    Ok(())
}

fn e11_the_interfaces_are_listed() -> Outcome {
    let mut addresses = Vec::new();
    for one in getifaddrs()?.filter(|one| one.interface_name == "lo") {
        let Some(address) = one.address else { continue };
        if let Some(four) = address.as_sockaddr_in() {
            addresses.push(IpAddr::from(four.ip()));
        }
        if let Some(six) = address.as_sockaddr_in6() {
            addresses.push(IpAddr::from(six.ip()));
        }
    }
    expect!(addresses.contains(&"127.0.0.1".parse()?));
    expect!(addresses.contains(&Ipv6Addr::LOCALHOST.into()));
    Ok(())
}

fn e12_addresses_are_read_and_written() -> Outcome {
    let good = [
        ("127.0.0.1", "127.0.0.1"),
        ("255.255.255.255", "255.255.255.255"),
        ("::", "::"),
        ("::1", "::1"),
        ("1:0:0:2::3", "1:0:0:2::3"),
        ("2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("::ffff:1.2.3.4", "::ffff:1.2.3.4"),
    ];
    const NUMERIC_HOST: i32 = 4;
    const NAME_NUMBERS: i32 = 3; // NI_NUMERICHOST | NI_NUMERICSERV
    for (text, written) in good {
        let mut found = getaddrinfo(Some(text), Some("1"), Some(numeric(NUMERIC_HOST)))
            .map_err(|error| format!("{text}: {error:?}"))?;
        let first = found.next().ok_or("nothing")??;
        expect_eq!(first.sockaddr.ip(), text.parse::<IpAddr>()?);
        let (host, _) =
            getnameinfo(&first.sockaddr, NAME_NUMBERS).map_err(|error| format!("{error:?}"))?;
        expect_eq!(host, written);
    }
    for text in [
        "1.2.3.4.5",
        "256.1.1.1",
        ":::",
        "1::2::3",
        "12345::",
        "g::",
        "localhost",
    ] {
        let read = getaddrinfo(Some(text), Some("1"), Some(numeric(NUMERIC_HOST))).map(|_| text);
        expect!(matches!(
            read.map_err(|error| error.kind()),
            Err(LookupErrorKind::NoName)
        ));
    }
    Ok(())
}
