//! Where a ledger is, from its URL, and how each connection is set up.

use std::fmt::Display;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crm_core::kernel::error::{Error, Result};
use crm_core::store::engine::CANNOT_OPEN;
use postgres::config::{Host, SslMode};
use postgres::{CancelToken, Client, Config, NoTls};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::fault::text_of;
use crate::open::{Durability, OpenOptions};
use crate::session::Session;

/// A server, a database, a schema in it, and how they are used.
pub(crate) struct Place {
    config: Config,
    tls: Tls,
    /// The ledger's schema.
    pub(crate) schema: String,
    pub(crate) options: OpenOptions,
    /// The URL without user, password and parameters, for messages.
    shown: String,
}

#[derive(Clone)]
pub(crate) enum Tls {
    Off,
    On(MakeRustlsConnect),
}

impl Place {
    /// Reads the URL; parameters of ours in it go before `options`, all others are the client's.
    pub(crate) fn parse(url: &str, mut options: OpenOptions) -> Result<Place> {
        let (address, query) = url.split_once('?').unwrap_or((url, ""));
        let mut shown = "the given URL".to_owned();
        let mut schema = "crm".to_owned();
        let (mut ssl_mode, mut roots) = (None, None);
        let mut theirs: Vec<&str> = Vec::new();
        for parameter in query.split('&').filter(|parameter| !parameter.is_empty()) {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            let text = decoded(value).ok_or_else(|| refused(&shown, format!("{name} is not UTF-8 text")))?;
            let number =
                || text.parse::<u32>().map_err(|_| refused(&shown, format!("{name} must be a whole number")));
            match name {
                "schema" => schema = text,
                "sslmode" => ssl_mode = Some(text),
                "sslrootcert" => roots = Some(text),
                "statement_timeout" => options.statement_timeout_ms = number()?,
                "busy_timeout" => options.busy_timeout_ms = number()?,
                "pool_size" => options.readers_max = number()? as usize,
                _ => theirs.push(parameter),
            }
        }
        let client_url =
            if theirs.is_empty() { address.to_owned() } else { format!("{address}?{}", theirs.join("&")) };
        let mut config: Config =
            client_url.parse().map_err(|error: postgres::Error| refused(&shown, text_of(&error)))?;
        shown = describe(&config, &schema);
        if schema.is_empty() || schema.len() > NAME_BYTES_MAX || schema.contains('\0') {
            let reason = format!("the schema's name must have 1 to {NAME_BYTES_MAX} bytes");
            return Err(refused(&shown, reason));
        }
        if schema.starts_with("pg_") || schema == "information_schema" {
            return Err(refused(&shown, format!("the schema {schema} is the server's own")));
        }
        let is_near = is_near(&config);
        let tls = match ssl_mode.as_deref() {
            None if is_near => SslMode::Disable,
            Some("disable") => SslMode::Disable,
            Some("prefer") => SslMode::Prefer,
            None | Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
            Some(other) => return Err(refused(&shown, format!("unknown sslmode {other}"))),
        };
        config.ssl_mode(tls);
        let tls = match tls {
            SslMode::Disable => Tls::Off,
            _ => tls_with(roots.as_deref()).map_err(|reason| refused(&shown, reason))?,
        };
        if config.get_application_name().is_none() {
            config.application_name("crm");
        }
        if config.get_connect_timeout().is_none() {
            config.connect_timeout(Duration::from_millis(u64::from(options.connect_timeout_ms.max(1))));
        }
        // A server that has gone without a word is noticed within a minute, not within two hours.
        config.keepalives_idle(Duration::from_secs(30));
        config.keepalives_interval(Duration::from_secs(10));
        config.keepalives_retries(3);
        config.tcp_user_timeout(Duration::from_secs(60));
        Ok(Place { config, tls, schema, options, shown })
    }

    pub(crate) fn is_writable(&self) -> bool {
        !self.options.read_only
    }

    pub(crate) fn busy_timeout(&self) -> Duration {
        Duration::from_millis(u64::from(self.options.busy_timeout_ms))
    }

    /// `CANNOT_OPEN` for this place.
    pub(crate) fn cannot_open(&self, reason: impl Display) -> Error {
        refused(&self.shown, reason)
    }

    /// The place as messages name it.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// The schema's name as SQL writes it.
    pub(crate) fn quoted_schema(&self) -> String {
        format!("\"{}\"", self.schema.replace('"', "\"\""))
    }

    /// Opens a connection and sets it up.
    pub(crate) fn connect(&self) -> Result<Session, postgres::Error> {
        let client = match &self.tls {
            Tls::Off => self.config.connect(NoTls),
            Tls::On(tls) => self.config.connect(tls.clone()),
        }?;
        let mut session = Session::new(client);
        session.batch(&self.set_up())?;
        Ok(session)
    }

    /// What every connection is told once: how values are written in statements that are sent together, too. The server, too, notices within a minute when its client has gone, and ends
    /// the transaction that other writers wait for.
    fn set_up(&self) -> String {
        let options = &self.options;
        let durability = match options.durability {
            // Never lowers what the server was set up with, such as waiting for a standby.
            Durability::Full => {
                "SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'"
            }
            Durability::Normal => "SET synchronous_commit = off",
        };
        format!(
            "SET search_path = {}; SET lock_timeout = {}; SET statement_timeout = {}; SET jit = off; \
             SET client_min_messages = error; SET standard_conforming_strings = on; SET bytea_output = hex; \
             SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; \
             SET tcp_keepalives_count = 3; {durability}",
            self.quoted_schema(),
            options.busy_timeout_ms.max(1),
            options.statement_timeout_ms,
        )
    }

    /// A way to stop what this connection runs.
    pub(crate) fn canceller(&self, client: &Client) -> Canceller {
        Canceller { token: client.cancel_token(), tls: self.tls.clone() }
    }
}

/// Stops what one connection runs, over a connection of its own.
pub(crate) struct Canceller {
    token: CancelToken,
    tls: Tls,
}

impl Canceller {
    /// Asks the server, twice: a request that overtakes the statement that it is meant for finds nothing to stop. Whether it
    /// was reached is known from what the running call returns.
    pub(crate) fn cancel(&self) {
        for attempt in 0..2 {
            if attempt > 0 {
                std::thread::sleep(Duration::from_millis(20));
            }
            let _ = match &self.tls {
                Tls::Off => self.token.cancel_query(NoTls),
                Tls::On(tls) => self.token.cancel_query(tls.clone()),
            };
        }
    }
}

/// PostgreSQL cuts longer names, silently.
const NAME_BYTES_MAX: usize = 63;

fn refused(shown: &str, reason: impl Display) -> Error {
    Error::new(&CANNOT_OPEN).with("what", shown).with("reason", reason)
}

fn describe(config: &Config, schema: &str) -> String {
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(position, host)| {
            let ports = config.get_ports();
            let port = ports.get(position).or(ports.first()).copied().unwrap_or(5432);
            match host {
                Host::Tcp(name) => format!("{name}:{port}"),
                #[cfg(unix)]
                Host::Unix(path) => format!("{}:{port}", path.display()),
            }
        })
        .collect();
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default();
    format!("postgres://{}/{database}?schema={schema}", hosts.join(","))
}

/// Whether what is sent there stays on this machine. The client goes to `hostaddr` where it is given, whatever `host` says.
fn is_near(config: &Config) -> bool {
    let is_host_near = |host: &Host| match host {
        Host::Tcp(name) => {
            name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
        }
        #[cfg(unix)]
        Host::Unix(_) => true,
    };
    config.get_hosts().iter().all(is_host_near)
        && config.get_hostaddrs().iter().all(|address| address.is_loopback())
        && !(config.get_hosts().is_empty() && config.get_hostaddrs().is_empty())
}

/// TLS that trusts the certificates in this file, or those that the machine trusts.
fn tls_with(file: Option<&str>) -> Result<Tls, String> {
    let mut roots = RootCertStore::empty();
    match file {
        Some(file) => {
            let unreadable = |error: &dyn Display| format!("sslrootcert {file}: {error}");
            let certificates =
                CertificateDer::pem_file_iter(Path::new(file)).map_err(|error| unreadable(&error))?;
            for certificate in certificates {
                let certificate = certificate.map_err(|error| unreadable(&error))?;
                roots.add(certificate).map_err(|error| unreadable(&error))?;
            }
            if roots.is_empty() {
                return Err(unreadable(&"there is no certificate in it"));
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(Tls::On(MakeRustlsConnect::new(config)))
}

/// The text with `%41` read as `A`.
fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digits = [rest.next()?, rest.next()?];
        bytes.push(u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?);
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

    use super::*;

    fn place(url: &str) -> Result<Place> {
        Place::parse(url, OpenOptions::default())
    }

    #[test]
    fn parameters_of_ours_are_taken_out() {
        let place = place(
            "postgres://u:p%40ss@127.0.0.1:5433/books?schema=%E5%B8%90&pool_size=3&statement_timeout=70&application_name=x",
        )
        .unwrap();
        assert_eq!(place.schema, "帐");
        assert_eq!((place.options.readers_max, place.options.statement_timeout_ms), (3, 70));
        assert_eq!(place.config.get_application_name(), Some("x"));
        assert_eq!(place.config.get_password(), Some(&b"p@ss"[..]));
        assert_eq!(place.shown(), "postgres://127.0.0.1:5433/books?schema=帐");
    }

    #[test]
    fn what_leaves_the_machine_is_encrypted_unless_told_otherwise() {
        let mode = |url| place(url).map(|place| place.config.get_ssl_mode()).unwrap();
        for near in ["postgres://u@localhost/d", "postgres://u@[::1]/d", "postgres://u@%2Ftmp/d"] {
            assert_eq!(mode(near), SslMode::Disable, "{near}");
        }
        for far in [
            "postgres://u@db.example/d",
            "postgres://u@localhost,db.example/d",
            "postgres://u@localhost/d?hostaddr=192.0.2.7",
            "postgres://u@/d?hostaddr=192.0.2.7",
            "postgres://u@/d",
        ] {
            assert_eq!(mode(far), SslMode::Require, "{far}");
        }
        assert_eq!(mode("postgres://u@/d?hostaddr=127.0.0.1"), SslMode::Disable);
        assert_eq!(mode("postgres://u@db.example/d?sslmode=disable"), SslMode::Disable);
        assert_eq!(mode("postgres://u@127.0.0.1/d?sslmode=verify-full"), SslMode::Require);
    }

    #[test]
    fn wrong_urls_are_refused_without_their_password() {
        for url in [
            "postgres://u:secret@h/d?schema=",
            "postgres://u:secret@h/d?schema=pg_catalog",
            "postgres://u:secret@h/d?pool_size=many",
            "postgres://u:secret@h/d?sslmode=perhaps",
            "postgres://u:secret@h/d?sslrootcert=/nowhere",
            "postgres://u:secret@h/d?no_such_parameter=1",
            "postgres://u:secret@h:port/d",
        ] {
            let error = place(url).err().unwrap();
            assert_eq!(error.code(), &CANNOT_OPEN, "{url}");
            assert!(!format!("{error:?}").contains("secret"), "{error:?}");
        }
    }
}
