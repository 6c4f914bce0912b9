//! What can be opened, what is refused, and what a call costs in round trips.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail")]

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crm_conformance::sample::{item, item_row, line, schema, schema_at};
use crm_core::kernel::error::{Code, Error, Result};
use crm_core::store::cell::Cell;
use crm_core::store::engine::{CANNOT_OPEN, Flow, LEDGER_NEWER, Mode, NOT_A_LEDGER, READ_ONLY, Store};
use crm_core::store::plan::{ColumnRef, Pred, Select};
use crm_postgres::{Durability, OpenOptions, PostgresStore, round_trips};
use crm_postgres_server::Server;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

fn server() -> Arc<Server> {
    Server::shared().unwrap_or_else(|error| panic!("{error}"))
}

fn open_with(url: &str, options: OpenOptions) -> Result<Arc<dyn Store>> {
    PostgresStore::open(url, &schema(), options)
}

fn open(url: &str) -> Result<Arc<dyn Store>> {
    open_with(url, OpenOptions::default())
}

#[track_caller]
fn fails<T>(result: Result<T>, code: Code) -> Error {
    let error = result.err().unwrap();
    assert_eq!(error.code(), code, "{error:?}");
    error
}

#[test]
fn what_is_not_a_ledger_is_refused_and_left_alone() {
    let server = server();
    let mut admin = server.admin().unwrap();
    for content in [
        "CREATE TABLE n.customers (id int)",
        "CREATE VIEW n.crm_meta AS SELECT 1 AS version",
        "CREATE TABLE n.crm_meta (key text)",
        "CREATE TABLE n.crm_meta (product int, version int)",
        "CREATE TABLE n.crm_meta (product text, version int); INSERT INTO n.crm_meta VALUES ('another', 3)",
        "CREATE SEQUENCE n.numbers",
    ] {
        let name = server.new_schema();
        let content = content.replace("n.", &format!("{name}."));
        admin.batch_execute(&format!("CREATE SCHEMA {name}; {content}")).unwrap();
        let relations = format!("SELECT count(*) FROM pg_class WHERE relnamespace = '{name}'::regnamespace");
        let before: i64 = admin.query_one(&relations, &[]).unwrap().get(0);
        fails(open(&server.url(&name)), &NOT_A_LEDGER);
        let after: i64 = admin.query_one(&relations, &[]).unwrap().get(0);
        assert_eq!(before, after, "{content}");
    }
    let name = server.new_schema();
    admin.batch_execute(&format!("CREATE SCHEMA {name}")).unwrap();
    open(&server.url(&name)).unwrap();
}

#[test]
fn names_of_schemas_are_taken_literally() {
    let server = server();
    for name in ["CRM", "a%20b", "%E5%B8%90%E5%A5%97", "quo%22te%27s", "select"] {
        let url = server.url(name);
        let store = open(&url).unwrap();
        let mut tx = store.begin(Mode::Write).unwrap();
        tx.insert(item(), &[item_row(1, name)]).unwrap();
        tx.commit().unwrap();
        let found = open(&url).unwrap().begin(Mode::Read).unwrap().get(item(), &[Cell::Int(1)]).unwrap();
        assert_eq!(found, Some(item_row(1, name)));
    }
}

#[test]
fn nothing_is_created_unless_wished() {
    let server = server();
    let name = server.new_schema();
    let url = server.url(&name);
    fails(open_with(&url, OpenOptions { create: false, ..OpenOptions::default() }), &CANNOT_OPEN);
    let reading = OpenOptions { read_only: true, ..OpenOptions::default() };
    fails(open_with(&url, reading.clone()), &CANNOT_OPEN);
    drop(PostgresStore::open(&url, &schema_at(2), OpenOptions::default()).unwrap());
    fails(open_with(&url, reading.clone()), &READ_ONLY);
    drop(open(&url).unwrap());
    let store = open_with(&url, reading).unwrap();
    store.begin(Mode::Read).unwrap().commit().unwrap();
    fails(store.begin(Mode::Write).map(drop), &READ_ONLY);
    fails(PostgresStore::open(&url, &schema_at(1), OpenOptions::default()), &LEDGER_NEWER);
}

#[test]
fn hosts_that_open_at_once_make_one_ledger() {
    let server = server();
    for version in [1, 3] {
        let url = server.url(&server.new_schema());
        if version == 3 {
            drop(PostgresStore::open(&url, &schema_at(1), OpenOptions::default()).unwrap());
        }
        thread::scope(|scope| {
            let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| open(&url).map(drop))).collect();
            for one in opening {
                one.join().unwrap().unwrap();
            }
        });
        let mut tx = open(&url).unwrap().begin(Mode::Write).unwrap();
        assert_eq!(tx.number("n", 1).unwrap(), 1);
    }
}

#[test]
fn a_host_that_missed_a_migration_stops_writing() {
    let server = server();
    let url = server.url(&server.new_schema());
    let old = PostgresStore::open(&url, &schema_at(2), OpenOptions::default()).unwrap();
    drop(old.begin(Mode::Write).unwrap());
    drop(open(&url).unwrap());
    fails(old.begin(Mode::Write).map(drop), &LEDGER_NEWER);
    old.begin(Mode::Read).unwrap().commit().unwrap();
}

#[test]
fn places_that_cannot_be_opened_are_told_without_their_password() {
    let server = server();
    let url = server.url("crm");
    let password = url.split([':', '@']).nth(2).unwrap().to_owned();
    for wrong in [
        url.replace("crm:", "somebody:"),
        url.replace("/postgres?", "/no_such_database?"),
        url.replace(&format!(":{}/", server.port()), ":1/"),
        url.replace("127.0.0.1", "no-such-host.invalid"),
        format!("{url}&sslmode=require"),
    ] {
        let error = fails(open(&wrong), &CANNOT_OPEN);
        assert!(!format!("{error:?}").contains(&password), "{error:?}");
    }
    let mut admin = server.admin().unwrap();
    let create = "CREATE DATABASE latin ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0";
    admin.batch_execute(create).unwrap();
    let error = fails(open(&url.replace("/postgres?", "/latin?")), &CANNOT_OPEN);
    assert!(error.to_string().contains("UTF8"), "{error}");
}

#[test]
fn a_database_with_another_locale_compares_by_bytes() {
    let server = server();
    let mut admin = server.admin().unwrap();
    // Builds differ in what they have; both of these lower and order letters beyond A–Z.
    let icu = "LOCALE_PROVIDER icu ICU_LOCALE 'zh-u-co-pinyin'";
    let builtin = "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8'";
    let mut create = |provider: &str| {
        admin.batch_execute(&format!("CREATE DATABASE other TEMPLATE template0 LOCALE 'C' {provider}"))
    };
    create(icu).or_else(|_| create(builtin)).unwrap();
    let url = server.url("crm").replace("/postgres?", "/other?");
    let store = open(&url).unwrap();
    let mut tx = store.begin(Mode::Write).unwrap();
    let names = ["中", "上", "b", "B", "a", "À", "ä"];
    for (id, name) in names.iter().enumerate() {
        tx.insert(item(), &[item_row(id as i64, name)]).unwrap();
    }
    let mut found = Vec::new();
    let by = crm_core::store::plan::Sort {
        column: ColumnRef::base(1),
        direction: crm_core::store::plan::Direction::Ascending,
    };
    let filter = Pred::Contains(ColumnRef::base(1), "À".into()).or(Pred::Compare(
        ColumnRef::base(1),
        crm_core::store::plan::Compare::AtLeast,
        Cell::Text("B".into()),
    ));
    tx.select(&Select { sort: vec![by], filter, ..Select::all(item()) }, &mut |cells| {
        found.push(cells[1].to_cell());
        Ok(Flow::More)
    })
    .unwrap();
    let mut expected = names.map(|name| Cell::Text(name.into()));
    expected.sort_unstable();
    assert_eq!(found, expected);
}

/// A certificate authority and a certificate of it for 127.0.0.1.
struct Certificates {
    authority: String,
    server: String,
    key: String,
}

fn certificates() -> Certificates {
    let mut authority = rcgen::CertificateParams::new(Vec::new()).unwrap();
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority = rcgen::CertifiedIssuer::self_signed(authority, authority_key).unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let server = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    let server = server.signed_by(&key, &authority).unwrap();
    Certificates { authority: authority.pem(), server: server.pem(), key: key.serialize_pem() }
}

/// A port that speaks TLS, as a server with a certificate does, and leads to a server that has none: not every build of
/// the server can.
fn tls_in_front_of(port: u16, ours: &Certificates) -> u16 {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let chain = vec![CertificateDer::from_pem_slice(ours.server.as_bytes()).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(ours.key.as_bytes()).unwrap();
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let own_port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            thread::spawn(move || {
                let _ = serve_tls(client, config, port);
            });
        }
    });
    own_port
}

fn serve_tls(mut client: TcpStream, config: Arc<rustls::ServerConfig>, port: u16) -> std::io::Result<()> {
    // The request for TLS: its length and its code. Whoever begins otherwise is sent away.
    let mut request = [0; 8];
    client.read_exact(&mut request)?;
    if request != [0, 0, 0, 8, 4, 210, 22, 47] {
        return Ok(());
    }
    client.write_all(b"S")?;
    let mut server = TcpStream::connect(("127.0.0.1", port))?;
    let connection = rustls::ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut client = rustls::StreamOwned::new(connection, client);
    client.sock.set_read_timeout(Some(Duration::from_millis(2)))?;
    server.set_read_timeout(Some(Duration::from_millis(2)))?;
    let mut bytes = vec![0; 16 * 1024];
    loop {
        for is_up in [true, false] {
            let read = if is_up { client.read(&mut bytes) } else { server.read(&mut bytes) };
            match read {
                Ok(0) => return Ok(()),
                Ok(length) if is_up => server.write_all(&bytes[..length])?,
                Ok(length) => client.write_all(&bytes[..length])?,
                Err(error) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&error.kind()) => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[test]
fn tls_is_used_and_the_server_is_checked() {
    let ours = certificates();
    let server = server();
    let port = tls_in_front_of(server.port(), &ours);
    let folder = tempfile::tempdir().unwrap();
    let trusted = |name: &str, pem: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, pem).unwrap();
        path.to_string_lossy().into_owned()
    };
    let own = trusted("own.pem", &ours.authority);
    let foreign = trusted("foreign.pem", &certificates().authority);
    let url = server.url_at(port, &server.new_schema());
    for mode in ["prefer", "require", "verify-full"] {
        let store = open(&format!("{url}&sslmode={mode}&sslrootcert={own}")).unwrap();
        let mut tx = store.begin(Mode::Read).unwrap();
        assert_eq!(tx.get(item(), &[Cell::Int(1)]).unwrap(), None);
        // The request to stop goes the same way.
        tx.interrupter().unwrap()();
        drop(tx);
        fails(open(&format!("{url}&sslmode={mode}&sslrootcert={foreign}")), &CANNOT_OPEN);
        fails(open(&format!("{url}&sslmode={mode}")), &CANNOT_OPEN);
        let named = url.replace("127.0.0.1", "localhost");
        fails(open(&format!("{named}&sslmode={mode}&sslrootcert={own}")), &CANNOT_OPEN);
    }
    fails(open(&url), &CANNOT_OPEN);
    // A server without TLS is not good enough when it is asked for.
    let bare = server.url(&server.new_schema());
    fails(open(&format!("{bare}&sslmode=require&sslrootcert={own}")), &CANNOT_OPEN);
    open(&format!("{bare}&sslmode=prefer&sslrootcert={own}")).unwrap();
}

#[test]
fn durability_is_what_was_asked_for_and_not_less_than_the_server_gives() {
    let server = server();
    let setting = |durability, role: &str| {
        let name = server.new_schema();
        let mut admin = server.admin().unwrap();
        admin.batch_execute(&format!("ALTER ROLE crm SET synchronous_commit = {role}")).unwrap();
        let options = OpenOptions { durability, ..OpenOptions::default() };
        // What a session is set to is seen only from within: a trigger writes it down.
        let store = open_with(&server.url(&name), options).unwrap();
        admin
            .batch_execute(&format!(
                "CREATE TABLE {name}.seen (setting text);
                 CREATE FUNCTION {name}.see() RETURNS trigger LANGUAGE plpgsql AS
                 $$ BEGIN INSERT INTO {name}.seen VALUES (current_setting('synchronous_commit')); RETURN NULL; END $$;
                 CREATE TRIGGER see AFTER INSERT ON {name}.item EXECUTE FUNCTION {name}.see()"
            ))
            .unwrap();
        let mut tx = store.begin(Mode::Write).unwrap();
        tx.insert(item(), &[item_row(1, "x")]).unwrap();
        tx.commit().unwrap();
        admin.batch_execute("ALTER ROLE crm RESET synchronous_commit").unwrap();
        admin.query_one(&format!("SELECT setting FROM {name}.seen"), &[]).unwrap().get::<_, String>(0)
    };
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _turn = ONE_AT_A_TIME.lock();
    assert_eq!(setting(Durability::Full, "off"), "on");
    assert_eq!(setting(Durability::Full, "remote_apply"), "remote_apply");
    assert_eq!(setting(Durability::Normal, "on"), "off");
}

/// In a process of its own, since the count is of the whole process: the only test of this file that others may not
/// run beside is told apart by running it again alone.
#[test]
fn round_trips_do_not_grow_with_rows() {
    const ALONE: &str = "CRM_ROUND_TRIPS_ALONE";
    if std::env::var_os(ALONE).is_none() {
        let mut alone = std::process::Command::new(std::env::current_exe().unwrap());
        let output = alone
            .args(["round_trips_do_not_grow_with_rows", "--exact", "--nocapture"])
            .env(ALONE, "1")
            .output();
        let output = output.unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        print!("{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    let server = server();
    let store = open(&server.url(&server.new_schema())).unwrap();
    let cost = |work: &mut dyn FnMut()| {
        // The first time, statements are prepared.
        work();
        let before = round_trips();
        work();
        round_trips() - before
    };
    let mut next = 0;
    for count in [1, 6, 1_000] {
        let mut tx = store.begin(Mode::Write).unwrap();
        let inserted = cost(&mut || {
            let rows: Vec<_> = (0..count).map(|id| item_row(next + id, "x")).collect();
            next += count;
            tx.insert(item(), &rows).unwrap();
        });
        assert_eq!(inserted, 1, "{count} rows");
        let listed: Vec<Cell> = (0..count).map(Cell::Int).collect();
        let filter = Pred::In(ColumnRef::base(0), listed);
        let found = cost(&mut || {
            let select = Select { filter: filter.clone(), ..Select::all(item()) };
            tx.select(&select, &mut |_| Ok(Flow::More)).unwrap();
        });
        assert_eq!(found, 1, "a list of {count}");
        tx.commit().unwrap();
    }
    let unit = cost(&mut || {
        let mut tx = store.begin(Mode::Write).unwrap();
        let number = tx.number("n", 1).unwrap();
        tx.get(item(), &[Cell::Int(1)]).unwrap();
        tx.insert(item(), &[item_row(next, "x")]).unwrap();
        let lines: Vec<_> =
            (1..=6).map(|at| vec![Cell::Int(next), Cell::Int(at), Cell::Null, Cell::Int(number)]).collect();
        tx.insert(line(), &lines).unwrap();
        next += 1;
        tx.commit().unwrap();
    });
    println!("a unit of work of four statements: {unit} round trips");
    assert_eq!(unit, 6);
    let reading = cost(&mut || {
        store.begin(Mode::Read).unwrap().get(item(), &[Cell::Int(1)]).unwrap();
    });
    println!("a read of one row: {reading} round trips");
    assert_eq!(reading, 3);
    let key = [Cell::Int(1)];
    let with = cost(&mut || drop(store.begin_with(Mode::Read, item(), &key).unwrap()));
    assert_eq!(with, 2, "a read that begins with a row");
}
