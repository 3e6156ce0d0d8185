//! The client's side of DHCP (RFC 2131) as far as boot needs it: a question to all, an offer, a request, the answer.
//! Messages are in smoltcp's wire format. Pure: who sends, and when again, is [`super::boot_ask`]'s.

use super::device::Mac;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use arrayvec::ArrayVec;
use core::net::Ipv4Addr;
use smoltcp::wire::{DhcpMessageType, DhcpOpCode, DhcpPacket, DhcpRepr, EthernetAddress};

/// Name servers that are kept (`CONF_NAMESERVERS_MAX`).
pub const SERVERS: usize = 3;
/// The longest name.
const NAME: usize = 64;

/// Options that are asked for and read.
mod option {
    pub const MASK: u8 = 1;
    pub const ROUTER: u8 = 3;
    pub const SERVERS: u8 = 6;
    pub const HOST: u8 = 12;
    pub const DOMAIN: u8 = 15;
    pub const KIND: u8 = 53;
    pub const FROM: u8 = 54;
}

const WANTED: [u8; 5] = [
    option::MASK,
    option::ROUTER,
    option::SERVERS,
    option::HOST,
    option::DOMAIN,
];

/// What a server gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lease {
    /// The machine's address.
    pub address: Option<Ipv4Addr>,
    /// The network's mask.
    pub mask: Option<Ipv4Addr>,
    /// The way to everything else.
    pub gateway: Option<Ipv4Addr>,
    /// Who knows names.
    pub names: ArrayVec<Ipv4Addr, SERVERS>,
    /// The machine's name.
    pub host: Option<String>,
    /// Its domain.
    pub domain: Option<String>,
    /// Who gave it.
    pub server: Option<Ipv4Addr>,
    /// Whom to boot from.
    pub boot: Option<Ipv4Addr>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Stage {
    /// All servers are asked.
    Asking,
    /// One is asked for what it offered.
    Wanting(Lease),
    /// It agreed.
    Bound(Lease),
}

/// One card's conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    number: u32,
    mac: Mac,
    stage: Stage,
}

impl Client {
    /// A conversation that has a number of its own and has not begun.
    #[must_use]
    pub fn new(number: u32, mac: Mac) -> Self {
        Self {
            number,
            mac,
            stage: Stage::Asking,
        }
    }

    /// What the server agreed to.
    #[must_use]
    pub fn lease(&self) -> Option<&Lease> {
        match &self.stage {
            Stage::Bound(lease) => Some(lease),
            _ => None,
        }
    }

    /// What to send now, or again; `seconds`: since the conversation began.
    #[must_use]
    pub fn message(&self, seconds: u16) -> Vec<u8> {
        let nowhere = Ipv4Addr::UNSPECIFIED;
        let chosen = match &self.stage {
            Stage::Wanting(lease) => Some(lease),
            _ => None,
        };
        let card = EthernetAddress(self.mac);
        let repr = DhcpRepr {
            message_type: match chosen {
                Some(_) => DhcpMessageType::Request,
                None => DhcpMessageType::Discover,
            },
            transaction_id: self.number,
            secs: seconds,
            client_hardware_address: card,
            client_ip: nowhere,
            your_ip: nowhere,
            server_ip: nowhere,
            router: None,
            subnet_mask: None,
            relay_agent_ip: nowhere,
            broadcast: false,
            requested_ip: chosen.and_then(|lease| lease.address),
            client_identifier: Some(card),
            server_identifier: chosen.and_then(|lease| lease.server),
            parameter_request_list: Some(&WANTED),
            dns_servers: None,
            max_size: None,
            lease_duration: None,
            renew_duration: None,
            rebind_duration: None,
            additional_options: &[],
        };
        let mut bytes = vec![0; repr.buffer_len()];
        // It is as long as it says.
        let _ = repr.emit(&mut DhcpPacket::new_unchecked(bytes.as_mut_slice()));
        bytes
    }

    /// A message came. Whether there is something to send or to take at once.
    pub fn hear(&mut self, bytes: &[u8]) -> bool {
        let Ok(packet) = DhcpPacket::new_checked(bytes) else {
            return false;
        };
        let ours = packet.opcode() == DhcpOpCode::Reply
            && packet.magic_number() == 0x6382_5363
            && packet.hardware_len() == 6
            && packet.transaction_id() == self.number
            && packet.client_hardware_address() == EthernetAddress(self.mac);
        if !ours {
            return false;
        }
        let mut kind = None;
        let mut said = Lease {
            address: Some(packet.your_ip()).filter(|own| is_host(*own)),
            boot: Some(packet.server_ip()).filter(|one| is_host(*one)),
            ..Lease::default()
        };
        for option in packet.options() {
            let address = option.data.first_chunk::<4>().map(|b| Ipv4Addr::from(*b));
            match option.kind {
                option::MASK => said.mask = address,
                option::ROUTER => said.gateway = address.filter(|one| is_host(*one)),
                option::SERVERS => {
                    let (all, _) = option.data.as_chunks::<4>();
                    let all = all
                        .iter()
                        .map(|b| Ipv4Addr::from(*b))
                        .filter(|one| is_host(*one));
                    said.names = all.take(SERVERS).collect();
                }
                option::HOST => said.host = name(option.data),
                option::DOMAIN => said.domain = name(option.data),
                option::FROM => said.server = address.filter(|one| is_host(*one)),
                option::KIND => kind = option.data.first().copied().map(DhcpMessageType::from),
                _ => {}
            }
        }
        match (&self.stage, kind) {
            (Stage::Asking, Some(DhcpMessageType::Offer))
                if said.address.is_some() && said.server.is_some() =>
            {
                self.stage = Stage::Wanting(said);
            }
            (Stage::Wanting(asked), Some(DhcpMessageType::Ack))
                if said.address == asked.address && said.server == asked.server =>
            {
                self.stage = Stage::Bound(said);
            }
            // What was offered is another's by now: all over again, when it is time.
            (Stage::Wanting(asked), Some(DhcpMessageType::Nak)) if said.server == asked.server => {
                self.stage = Stage::Asking;
                return false;
            }
            _ => return false,
        }
        true
    }
}

/// Whether an address can be one machine's.
fn is_host(address: Ipv4Addr) -> bool {
    !address.is_unspecified()
        && !address.is_broadcast()
        && !address.is_multicast()
        && !address.is_loopback()
}

/// A name as a server wrote it, if it is one.
fn name(data: &[u8]) -> Option<String> {
    let end = data.iter().position(|byte| *byte == 0);
    let word = data.get(..end.unwrap_or(data.len()))?;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._".contains(byte);
    let fits = (1..=NAME).contains(&word.len()) && word.iter().all(plain);
    core::str::from_utf8(word)
        .ok()
        .filter(|_| fits)
        .map(String::from)
}

#[cfg(test)]
mod tests {
    // proves D10: an address is asked for at boot, and garbage is not taken for an answer
    use super::*;
    use proptest::prelude::*;

    const MAC: Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56];

    /// A server's message as QEMU's user network sends it.
    fn answer(kind: u8, number: u32, mac: Mac) -> Vec<u8> {
        let mut bytes = vec![2, 1, 6, 0];
        bytes.extend(number.to_be_bytes());
        bytes.extend([0; 8]);
        bytes.extend([10, 0, 2, 15, 10, 0, 2, 2, 0, 0, 0, 0]);
        bytes.extend(mac);
        bytes.resize(236, 0);
        bytes.extend([99, 130, 83, 99, 53, 1, kind, 54, 4, 10, 0, 2, 2]);
        bytes.extend([1, 4, 255, 255, 255, 0, 3, 8, 10, 0, 2, 2, 10, 0, 2, 9]);
        bytes.extend([6, 4, 10, 0, 2, 3, 12, 5]);
        bytes.extend(b"nacre");
        bytes.extend([51, 4, 0, 1, 81, 128, 255]);
        bytes
    }

    #[test]
    fn an_offer_is_asked_for_and_the_answer_taken() {
        let mut client = Client::new(7, MAC);
        let asked = client.message(3);
        assert_eq!(asked.get(..4), Some(&[1, 1, 6, 0][..]));
        assert_eq!(asked.get(240..243), Some(&[53, 1, 1][..]));
        assert!(client.hear(&answer(2, 7, MAC)));
        assert_eq!(client.lease(), None);
        let wants = client.message(3);
        assert_eq!(wants.get(242), Some(&3));
        let names = |part: &[u8]| wants.windows(part.len()).any(|place| place == part);
        assert!(names(&[54, 4, 10, 0, 2, 2]) && names(&[50, 4, 10, 0, 2, 15]));
        assert!(client.hear(&answer(5, 7, MAC)));
        let lease = client.lease().unwrap();
        assert_eq!(lease.address, Some(Ipv4Addr::new(10, 0, 2, 15)));
        assert_eq!(lease.mask, Some(Ipv4Addr::new(255, 255, 255, 0)));
        assert_eq!(lease.gateway, Some(Ipv4Addr::new(10, 0, 2, 2)));
        assert_eq!(lease.names.as_slice(), [Ipv4Addr::new(10, 0, 2, 3)]);
        assert_eq!(lease.host.as_deref(), Some("nacre"));
    }

    #[test]
    fn anothers_answers_and_refusals_are_no_answers() {
        let mut client = Client::new(7, MAC);
        assert!(!client.hear(&answer(5, 7, MAC)));
        assert!(!client.hear(&answer(2, 8, MAC)));
        assert!(!client.hear(&answer(2, 7, [2; 6])));
        assert!(!client.hear(&client.clone().message(0)));
        assert!(client.hear(&answer(2, 7, MAC)));
        assert!(!client.hear(&answer(6, 7, MAC)));
        assert!(!client.hear(&answer(5, 7, MAC)));
        assert!(client.hear(&answer(2, 7, MAC)) && client.hear(&answer(5, 7, MAC)));
    }

    #[test]
    fn names_are_names() {
        assert_eq!(name(b"a.b-c\0junk").as_deref(), Some("a.b-c"));
        assert_eq!(name(b""), None);
        assert_eq!(name(b"a\nnameserver 6.6.6.6"), None);
        assert_eq!(name(&[b'a'; 65]), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_heard_without_a_panic(tail in prop::collection::vec(any::<u8>(), 0..80), end in 0usize..300) {
            let mut client = Client::new(7, MAC);
            let _ = client.hear(&tail);
            let mut bytes = answer(2, 7, MAC);
            bytes.truncate(end);
            bytes.extend(&tail);
            let _ = client.hear(&bytes);
            let _ = client.message(0);
        }
    }
}
