//! The guest's network: QEMU's user network on a card, ports published on the host, frames kept in a file.

use std::ffi::OsString;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::workspace::Workspace;

/// Addresses of the user network, as QEMU has them.
const ADDRESS: &str = "10.0.2.15";
const GATEWAY: &str = "10.0.2.2";
const NAMESERVER: &str = "10.0.2.3";

/// The port of the web server that the shell's archive starts.
const WEB: &str = "8080:8080";

/// What a card on Linux needs that Debian's kernel has as modules, in the order they are loaded.
const MODULES: [&str; 3] = [
    "net/core/failover.ko.xz",
    "drivers/net/net_failover.ko.xz",
    "drivers/net/virtio_net.ko.xz",
];

/// Where modules are put in the guest; the agent loads them by name.
const MODULE_FOLDER: &str = "/lib/modules/boot";

/// Which network.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// QEMU's own, on the host's side of which the guest is one of its programs
    User,
    /// No card
    None,
}

/// The network, as the commands that boot take it.
#[derive(Debug, Clone, clap::Args)]
pub struct NetArgs {
    /// The network; without a program to run: user
    #[arg(long, value_name = "user|none")]
    pub net: Option<Kind>,
    /// Reach a port of the guest through one of the host: HOST:GUEST
    #[arg(long, value_name = "HOST:GUEST")]
    pub publish: Vec<String>,
    /// Instead a card whose frames are datagrams of Unix sockets: OWN:OTHER:NUMBER, the last byte of its address
    #[arg(long, value_name = "OWN:OTHER:NUMBER", conflicts_with_all = ["net", "publish", "pcap"])]
    pub link: Option<String>,
    /// Keep all frames in this file, as tcpdump(1) reads them
    #[arg(long, value_name = "F")]
    pub pcap: Option<PathBuf>,
}

impl NetArgs {
    /// The user network, with no port published.
    pub fn user() -> Self {
        Self {
            net: Some(Kind::User),
            publish: Vec::new(),
            link: None,
            pcap: None,
        }
    }

    /// Whether there is a card, where `default` says what happens if nobody asked.
    fn wanted(&self, default: Kind) -> bool {
        let asked = !self.publish.is_empty() || self.pcap.is_some() || self.link.is_some();
        match self.net {
            Some(kind) => kind == Kind::User,
            None => asked || default == Kind::User,
        }
    }

    /// For a shell: the user network, with the web server's port if the host's is free.
    pub fn for_shell(&self) -> Self {
        let mut net = self.clone();
        let wanted = net.wanted(Kind::User);
        net.net = Some(if wanted { Kind::User } else { Kind::None });
        if wanted && net.publish.is_empty() && TcpListener::bind(("127.0.0.1", 8080)).is_ok() {
            net.publish.push(WEB.to_owned());
        }
        net
    }

    /// QEMU's arguments, and the word on the kernel's command line that sets the interface up.
    pub fn arguments(&self) -> Result<(Vec<OsString>, Option<String>)> {
        if !self.wanted(Kind::None) {
            if self.net == Some(Kind::None) && (!self.publish.is_empty() || self.pcap.is_some()) {
                bail!("--publish and --pcap need --net user");
            }
            return Ok((Vec::new(), None));
        }
        if let Some(link) = &self.link {
            return Ok((link_arguments(link)?, None));
        }
        let mut backend = String::from("user,id=net0");
        for publish in &self.publish {
            let (host, guest) = publish
                .split_once(':')
                .context("--publish wants HOST:GUEST")?;
            let (host, guest): (u16, u16) = (
                host.parse()
                    .with_context(|| format!("{host}: not a port"))?,
                guest
                    .parse()
                    .with_context(|| format!("{guest}: not a port"))?,
            );
            backend.push_str(&format!(",hostfwd=tcp:127.0.0.1:{host}-:{guest}"));
        }
        let mut words: Vec<OsString> = ["-netdev", &backend].map(OsString::from).to_vec();
        // Its ROM is for booting, and the distribution ships it apart.
        words.extend(["-device", "virtio-net-pci,netdev=net0,romfile="].map(OsString::from));
        if let Some(path) = &self.pcap {
            let mut dump = OsString::from("filter-dump,id=dump0,netdev=net0,file=");
            dump.push(path);
            words.extend(["-object".into(), dump]);
        }
        let ip = format!("ip={ADDRESS}::{GATEWAY}:255.255.255.0:nacre:eth0:off:{NAMESERVER}");
        Ok((words, Some(ip)))
    }

    /// The modules Linux needs, unpacked: name in the guest and bytes.
    pub fn modules(&self, workspace: &Workspace) -> Result<Vec<(String, Vec<u8>)>> {
        if !self.wanted(Kind::None) {
            return Ok(Vec::new());
        }
        let folder = workspace.third_party().join("linux-6.12/modules");
        let release = std::fs::read_dir(&folder)
            .with_context(|| folder.display().to_string())?
            .next()
            .context("no modules of Linux")??
            .path();
        let mut modules = Vec::new();
        for (number, module) in MODULES.iter().enumerate() {
            let path = release.join("kernel").join(module);
            let out = Command::new("xz")
                .arg("-dc")
                .arg(&path)
                .output()
                .context("cannot start xz")?;
            if !out.status.success() {
                bail!("{}: xz cannot unpack it", path.display());
            }
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            modules.push((format!("{MODULE_FOLDER}/{number}-{name}"), out.stdout));
        }
        Ok(modules)
    }
}

/// QEMU's arguments for a card on a link of datagrams.
fn link_arguments(link: &str) -> Result<Vec<OsString>> {
    let words: Vec<&str> = link.split(':').collect();
    let [own, other, number] = words[..] else {
        bail!("--link wants OWN:OTHER:NUMBER");
    };
    let number: u8 = number
        .parse()
        .with_context(|| format!("{number}: not a byte"))?;
    let backend = format!(
        "dgram,id=net0,local.type=unix,local.path={own},remote.type=unix,remote.path={other}"
    );
    let card = format!("virtio-net-pci,netdev=net0,romfile=,mac=52:54:00:00:00:{number:02x}");
    Ok(["-netdev", &backend, "-device", &card]
        .map(OsString::from)
        .to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(net: Option<Kind>, publish: &[&str]) -> NetArgs {
        NetArgs {
            net,
            publish: publish.iter().map(|word| (*word).to_owned()).collect(),
            link: None,
            pcap: None,
        }
    }

    #[test]
    fn publishing_a_port_brings_a_card() -> Result<()> {
        let (words, ip) = args(None, &["8080:80"]).arguments()?;
        let line: Vec<_> = words.iter().map(|word| word.to_string_lossy()).collect();
        assert!(line.join(" ").contains("hostfwd=tcp:127.0.0.1:8080-:80"));
        assert!(ip.is_some_and(|ip| ip.starts_with("ip=10.0.2.15::10.0.2.2:")));
        Ok(())
    }

    #[test]
    fn nothing_asked_for_is_nothing_given() -> Result<()> {
        assert_eq!(args(None, &[]).arguments()?, (Vec::new(), None));
        assert!(args(Some(Kind::None), &["1:2"]).arguments().is_err());
        assert!(args(None, &["http:80"]).arguments().is_err());
        Ok(())
    }
}
