//! The login of a raw session: greeting, TLS, user and proof of the password. Takes connect options, gives a
//! stream of packets that is ready for commands. Speaks caching_sha2_password, sha256_password and
//! mysql_native_password; no plugin that would send the password readable by others.

use super::packet::{PAYLOAD_BYTES_MAX, Packets};
use super::rows::ErrorPacket;
use super::stream::Stream;
use crate::server::error::ServerError;
use crate::server::options::{ConnectOptions, Host, SslMode};
use crate::server::session::{login_error, unknown_plugin};
use mysql_common::auth::plugins::{AuthProc, ChallengeResponsePlugin, Context, Response};
use mysql_common::constants::CapabilityFlags;
use mysql_common::io::ParseBuf;
use mysql_common::packets::{AuthPlugin, AuthSwitchRequest, HandshakePacket, HandshakeResponse, SslRequest};
use mysql_common::proto::{MyDeserialize, MySerialize};
use std::collections::HashMap;
use std::io;

/// utf8mb4_general_ci, which every server since 5.5.3 knows.
const HANDSHAKE_COLLATION: u8 = 45;

/// A session that the server has let in.
pub(super) struct LoggedIn {
    pub(super) packets: Packets,
    pub(super) connection_id: u32,
    pub(super) server_version: String,
    /// What both sides have agreed on.
    pub(super) capabilities: CapabilityFlags,
}

/// Connects and logs in.
pub(super) fn log_in(options: &ConnectOptions) -> Result<LoggedIn, ServerError> {
    let mut packets = Packets::new(Stream::open(options)?);
    let greeting = read_greeting(&mut packets, options)?;
    let mut capabilities = wanted(greeting.capabilities());
    if wants_tls(options, greeting.capabilities())? {
        capabilities.insert(CapabilityFlags::CLIENT_SSL);
        packets = switch_to_tls(packets, capabilities, options)?;
    }
    let capabilities = prove(&mut packets, &greeting, capabilities, options)?;
    packets.stream.set_timeout(None).map_err(|error| unreachable(options, &error))?;
    Ok(LoggedIn {
        packets,
        connection_id: greeting.connection_id(),
        server_version: greeting.server_version_str().into_owned(),
        capabilities,
    })
}

fn read_greeting(packets: &mut Packets, options: &ConnectOptions) -> Result<HandshakePacket<'static>, ServerError> {
    let payload = packets.read_bytes().map_err(|error| unreachable(options, &error))?;
    if let Some(error) = ErrorPacket::parse(payload) {
        return Err(login_error(options.describe(), error.code, error.message));
    }
    // Version 10 has been the only one since MySQL 3.21.
    if payload.first() != Some(&10) {
        return Err(protocol(options, "this is no MySQL greeting"));
    }
    HandshakePacket::deserialize((), &mut ParseBuf(payload))
        .map(HandshakePacket::into_owned)
        .map_err(|error| protocol(options, error))
}

/// What this client can do and the server offers. Without CLIENT_MULTI_RESULTS and CLIENT_MULTI_STATEMENTS a
/// statement has one result at most.
fn wanted(offered: CapabilityFlags) -> CapabilityFlags {
    let known = CapabilityFlags::CLIENT_LONG_PASSWORD
        | CapabilityFlags::CLIENT_LONG_FLAG
        | CapabilityFlags::CLIENT_TRANSACTIONS
        | CapabilityFlags::CLIENT_SECURE_CONNECTION
        | CapabilityFlags::CLIENT_PLUGIN_AUTH
        | CapabilityFlags::CLIENT_PLUGIN_AUTH_LENENC_CLIENT_DATA
        | CapabilityFlags::CLIENT_CONNECT_ATTRS
        | CapabilityFlags::CLIENT_DEPRECATE_EOF;
    CapabilityFlags::CLIENT_PROTOCOL_41 | (known & offered)
}

fn wants_tls(options: &ConnectOptions, offered: CapabilityFlags) -> Result<bool, ServerError> {
    match (&options.host, options.ssl.mode, offered.contains(CapabilityFlags::CLIENT_SSL)) {
        (Host::Socket(_), _, _) | (_, SslMode::Disabled, _) | (_, SslMode::Preferred, false) => Ok(false),
        (_, _, true) => Ok(true),
        (_, _, false) => Err(ServerError::Tls { server: options.describe(), why: "the server offers none".into() }),
    }
}

fn switch_to_tls(
    mut packets: Packets,
    capabilities: CapabilityFlags,
    options: &ConnectOptions,
) -> Result<Packets, ServerError> {
    let mut request = Vec::new();
    SslRequest::new(capabilities, PAYLOAD_BYTES_MAX as u32, HANDSHAKE_COLLATION).serialize(&mut request);
    packets.send(&request).map_err(|error| unreachable(options, &error))?;
    packets.map_stream(|stream| stream.into_tls(options))
}

/// Names the user and goes through the challenges of the plugin that the server settles on.
fn prove(
    packets: &mut Packets,
    greeting: &HandshakePacket<'_>,
    capabilities: CapabilityFlags,
    options: &ConnectOptions,
) -> Result<CapabilityFlags, ServerError> {
    let mut scramble = greeting.nonce();
    // A plugin unknown here is answered with our favourite; the server then asks to switch to the account's.
    let offered = greeting.auth_plugin().filter(known_plugin).unwrap_or(AuthPlugin::CachingSha2Password);
    let mut plugin = AuthProc::init(&offered).map_err(|error| protocol(options, error))?;
    let first = answer(&mut plugin, packets, options, &scramble, &scramble.clone())?;
    let attributes = capabilities
        .contains(CapabilityFlags::CLIENT_CONNECT_ATTRS)
        .then(|| HashMap::from([("program_name".to_owned(), "myriad".to_owned())]));
    let response = HandshakeResponse::new(
        first.data(),
        (8, 0, 0),
        Some(options.user.as_bytes()),
        None::<&[u8]>,
        capabilities.contains(CapabilityFlags::CLIENT_PLUGIN_AUTH).then_some(offered),
        capabilities,
        attributes,
        PAYLOAD_BYTES_MAX as u32,
    );
    let agreed = response.capabilities();
    let mut payload = Vec::new();
    response.serialize(&mut payload);
    packets.send(&payload).map_err(|error| unreachable(options, &error))?;

    loop {
        let payload = packets.read_bytes().map_err(|error| unreachable(options, &error))?.to_vec();
        let response = match payload.first() {
            Some(0x00) => return Ok(agreed),
            Some(0x01) => answer(&mut plugin, packets, options, &scramble, &payload[1..])?,
            Some(0xFE) => {
                let request = switch_request(&payload, options)?;
                plugin = AuthProc::init(&request.auth_plugin()).map_err(|error| protocol(options, error))?;
                scramble = request.plugin_data().to_vec();
                answer(&mut plugin, packets, options, &scramble, &scramble.clone())?
            }
            _ => return Err(refusal(&payload, options)),
        };
        if let Some(data) = response.data() {
            packets.send(data).map_err(|error| unreachable(options, &error))?;
        }
    }
}

fn known_plugin(plugin: &AuthPlugin<'_>) -> bool {
    matches!(plugin, AuthPlugin::CachingSha2Password | AuthPlugin::Sha256Password | AuthPlugin::MysqlNativePassword)
}

fn switch_request<'a>(payload: &'a [u8], options: &ConnectOptions) -> Result<AuthSwitchRequest<'a>, ServerError> {
    let request = match payload {
        // The short form asks for the password hash of MySQL 4.0.
        [_] => Err("mysql_old_password".to_owned()),
        _ => match AuthSwitchRequest::deserialize((), &mut ParseBuf(payload)) {
            Ok(request) if known_plugin(&request.auth_plugin()) => Ok(request),
            Ok(request) => Err(String::from_utf8_lossy(request.auth_plugin().as_bytes()).into_owned()),
            Err(error) => return Err(protocol(options, error)),
        },
    };
    request.map_err(|name| ServerError::LoginRefused { server: options.describe(), why: unknown_plugin(&name) })
}

fn answer(
    plugin: &mut AuthProc,
    packets: &Packets,
    options: &ConnectOptions,
    scramble: &[u8],
    challenge: &[u8],
) -> Result<Response, ServerError> {
    let transport = Transport {
        password: options.password.expose().as_bytes(),
        scramble,
        socket: packets.stream.is_socket(),
        tls: packets.stream.is_tls(),
    };
    plugin.run(transport, challenge).map_err(|error| protocol(options, error))
}

/// What a plugin must know: over TLS and sockets a password may go as it is, else the server's RSA key is
/// asked for and the password encrypted.
struct Transport<'a> {
    password: &'a [u8],
    scramble: &'a [u8],
    socket: bool,
    tls: bool,
}

impl Context for Transport<'_> {
    fn pass(&self) -> &[u8] {
        self.password
    }
    fn is_ipc_transport(&self) -> bool {
        self.socket
    }
    fn is_tls_transport(&self) -> bool {
        self.tls
    }
    fn scramble(&self) -> &[u8] {
        self.scramble
    }
    fn server_key_pem(&self) -> Option<&[u8]> {
        None
    }
}

fn refusal(payload: &[u8], options: &ConnectOptions) -> ServerError {
    match ErrorPacket::parse(payload) {
        Some(error) => login_error(options.describe(), error.code, error.message),
        None => protocol(options, "an unknown packet during the login"),
    }
}

fn unreachable(options: &ConnectOptions, error: &io::Error) -> ServerError {
    let why = match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
        _ => error.to_string(),
    };
    ServerError::Unreachable { server: options.describe(), why }
}

fn protocol(options: &ConnectOptions, why: impl ToString) -> ServerError {
    ServerError::Protocol { server: options.describe(), why: why.to_string() }
}
