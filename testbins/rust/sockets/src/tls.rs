//! E17 and E18: TLS in the program, over sockets of the kernel.

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
};

use crate::{Outcome, cases, expect, expect_eq, joined, listener};

cases![
    e17_tls_both_ways_with_the_server_s_name,
    e17_a_megabyte_each_way,
    e17_the_wrong_host_is_refused,
    e17_an_unknown_issuer_is_refused,
    e17_a_client_without_certificate_is_refused,
    e17_a_client_with_certificate_is_let_in,
    e17_the_application_protocol_is_agreed_on,
    e18_a_live_connection_becomes_tls,
];

/// What the server's certificate is for.
const HOST: &str = "server.test";

type Failure = Box<dyn Error>;
type Issuer = CertifiedIssuer<'static, KeyPair>;

fn issuer(name: &str) -> Result<Issuer, Failure> {
    let mut params = CertificateParams::new(vec![name.to_owned()])?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

fn identity(
    issuer: &Issuer,
    name: &str,
) -> Result<(rcgen::Certificate, PrivateKeyDer<'static>), Failure> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, issuer)?;
    Ok((certificate, PrivateKeyDer::try_from(key.serialize_der())?))
}

fn roots(issuer: &Issuer) -> Result<RootCertStore, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(issuer.der().clone())?;
    Ok(roots)
}

fn server(issuer: &Issuer, clients: Option<&Issuer>) -> Result<ServerConfig, Failure> {
    let (certificate, key) = identity(issuer, HOST)?;
    let config = ServerConfig::builder();
    let config = match clients {
        Some(clients) => {
            let verifier = WebPkiClientVerifier::builder(Arc::new(roots(clients)?)).build()?;
            config.with_client_cert_verifier(verifier)
        }
        None => config.with_no_client_auth(),
    };
    Ok(config.with_single_cert(vec![certificate.der().clone()], key)?)
}

fn client(issuer: &Issuer) -> Result<ClientConfig, Failure> {
    let config = ClientConfig::builder().with_root_certificates(roots(issuer)?);
    Ok(config.with_no_client_auth())
}

type Served = StreamOwned<ServerConnection, TcpStream>;

/// Accepts one client and hands it over.
fn serve<T: Send + 'static>(
    listener: TcpListener,
    config: ServerConfig,
    work: impl FnOnce(&mut Served) -> io::Result<T> + Send + 'static,
) -> JoinHandle<io::Result<T>> {
    thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        let given = work(&mut stream)?;
        stream.conn.send_close_notify();
        stream.flush()?;
        Ok(given)
    })
}

fn connect(
    config: ClientConfig,
    stream: TcpStream,
    host: &str,
) -> Result<StreamOwned<ClientConnection, TcpStream>, Failure> {
    let name = ServerName::try_from(host.to_owned())?;
    let connection = ClientConnection::new(Arc::new(config), name)?;
    Ok(StreamOwned::new(connection, stream))
}

/// Reads a word, and answers with it and the name the client called us by.
fn answer(stream: &mut Served) -> io::Result<()> {
    let mut word = [0; 5];
    stream.read_exact(&mut word)?;
    let name = stream.conn.server_name().unwrap_or("nobody").to_owned();
    stream.write_all(&word)?;
    stream.write_all(name.as_bytes())
}

/// Asks as [`answer`] expects, and looks at what it says.
fn greet(stream: &mut StreamOwned<ClientConnection, TcpStream>) -> Outcome {
    stream.write_all(b"hello")?;
    let mut said = String::new();
    stream.read_to_string(&mut said)?;
    expect_eq!(said, format!("hello{HOST}"));
    Ok(())
}

fn e17_tls_both_ways_with_the_server_s_name() -> Outcome {
    let authority = issuer("authority")?;
    let (listener, address) = listener()?;
    let served = serve(listener, server(&authority, None)?, answer);
    let mut stream = connect(client(&authority)?, TcpStream::connect(address)?, HOST)?;
    greet(&mut stream)?;
    joined(served)?;
    Ok(())
}

fn e17_a_megabyte_each_way() -> Outcome {
    let authority = issuer("authority")?;
    let (listener, address) = listener()?;
    let served = serve(listener, server(&authority, None)?, |stream| {
        let mut all = vec![0; 1 << 20];
        stream.read_exact(&mut all)?;
        stream.write_all(&all)
    });
    let mut stream = connect(client(&authority)?, TcpStream::connect(address)?, HOST)?;
    let sent: Vec<u8> = (0..1_u32 << 20).map(|at| at.to_le_bytes()[1]).collect();
    stream.write_all(&sent)?;
    let mut back = Vec::new();
    stream.read_to_end(&mut back)?;
    expect!(back == sent);
    joined(served)?;
    Ok(())
}

/// Why the handshake with a server came to nothing.
fn refused(
    ours: &Issuer,
    theirs: &Issuer,
    clients: Option<&Issuer>,
    host: &str,
) -> Result<String, Failure> {
    let (listener, address) = listener()?;
    let served = serve(listener, server(theirs, clients)?, answer);
    let mut stream = connect(client(ours)?, TcpStream::connect(address)?, host)?;
    let mut said = String::new();
    let tried = stream
        .write_all(b"hello")
        .and_then(|()| stream.read_to_string(&mut said).map(|_| ()));
    drop(stream);
    expect_or(joined(served).is_err(), "the server was content")?;
    match tried {
        Ok(()) => Err(format!("not refused: {said}").into()),
        Err(error) => Ok(error.to_string()),
    }
}

fn expect_or(holds: bool, why: &str) -> Result<(), Failure> {
    if holds { Ok(()) } else { Err(why.into()) }
}

fn e17_the_wrong_host_is_refused() -> Outcome {
    let authority = issuer("authority")?;
    let why = refused(&authority, &authority, None, "other.test")?;
    expect!(why.contains("not valid for name"));
    Ok(())
}

fn e17_an_unknown_issuer_is_refused() -> Outcome {
    let why = refused(&issuer("ours")?, &issuer("theirs")?, None, HOST)?;
    expect!(why.contains("invalid peer certificate"));
    Ok(())
}

fn e17_a_client_without_certificate_is_refused() -> Outcome {
    let authority = issuer("authority")?;
    let clients = issuer("clients")?;
    let why = refused(&authority, &authority, Some(&clients), HOST)?;
    expect!(why.contains("CertificateRequired") || why.contains("reset") || why.contains("roken"));
    Ok(())
}

fn e17_a_client_with_certificate_is_let_in() -> Outcome {
    let authority = issuer("authority")?;
    let clients = issuer("clients")?;
    let (listener, address) = listener()?;
    let served = serve(listener, server(&authority, Some(&clients))?, answer);
    let (certificate, key) = identity(&clients, "client.test")?;
    let config = ClientConfig::builder()
        .with_root_certificates(roots(&authority)?)
        .with_client_auth_cert(vec![certificate.der().clone()], key)?;
    let mut stream = connect(config, TcpStream::connect(address)?, HOST)?;
    greet(&mut stream)?;
    joined(served)?;
    Ok(())
}

fn e17_the_application_protocol_is_agreed_on() -> Outcome {
    let authority = issuer("authority")?;
    let (listener, address) = listener()?;
    let mut offers = server(&authority, None)?;
    offers.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let served = serve(listener, offers, |stream| {
        answer(stream)?;
        Ok(stream.conn.alpn_protocol().map(<[u8]>::to_vec))
    });
    let mut wants = client(&authority)?;
    wants.alpn_protocols = vec![b"spdy".to_vec(), b"http/1.1".to_vec()];
    let mut stream = connect(wants, TcpStream::connect(address)?, HOST)?;
    stream.write_all(b"hello")?;
    stream.read_to_end(&mut Vec::new())?;
    expect_eq!(stream.conn.alpn_protocol(), Some(&b"http/1.1"[..]));
    expect_eq!(joined(served)?, Some(b"http/1.1".to_vec()));
    Ok(())
}

fn e18_a_live_connection_becomes_tls() -> Outcome {
    let authority = issuer("authority")?;
    let (listener, address) = listener()?;
    let config = server(&authority, None)?;
    let served = thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut asked = [0; 9];
        stream.read_exact(&mut asked)?;
        stream.write_all(b"go ahead\n")?;
        let connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        let mut stream = StreamOwned::new(connection, stream);
        answer(&mut stream)?;
        stream.conn.send_close_notify();
        stream.flush()
    });
    let mut plain = TcpStream::connect(address)?;
    plain.write_all(b"STARTTLS\n")?;
    let mut word = [0; 9];
    plain.read_exact(&mut word)?;
    expect_eq!(&word, b"go ahead\n");
    let mut stream = connect(client(&authority)?, plain, HOST)?;
    greet(&mut stream)?;
    joined(served)?;
    Ok(())
}
