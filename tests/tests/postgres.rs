//! What a host sees of a ledger on a server: a network that fails, and a ledger that moves there and back.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::sync::Arc;

use crm::OpenOptions;
use crm::app::{
    CHAIN_BROKEN, CallOptions, DENIED, Ledger, Moved, Rows, STREAM_BROKEN_OFF, STREAM_DAMAGED, Session,
    TARGET_NOT_EMPTY,
};
use crm::kernel::error::{Code, ErrorKind, Result};
use crm::store::engine::{CANCELLED, CONNECTION_LOST, Flow, LEDGER_NEWER, OUTCOME_UNKNOWN};
use crm_postgres_server::{Cut, Proxy, Server};
use crm_tests::scenario::Scenario;
use serde_json::Value;

fn server() -> Arc<Server> {
    Server::shared().unwrap_or_else(|error| panic!("{error}"))
}

fn open(url: &str) -> Ledger {
    crm::open(url, &OpenOptions::default()).unwrap()
}

fn with_key(key: &str) -> CallOptions {
    CallOptions { idempotency_key: Some(key.to_owned()) }
}

fn names(session: &Session) -> Vec<String> {
    let page = session.call("customer.list", "{}", &CallOptions::default()).unwrap();
    let page: Value = serde_json::from_str(&page).unwrap();
    let name = |item: &Value| item["name"].as_str().unwrap().to_owned();
    page["items"].as_array().unwrap().iter().map(name).collect()
}

#[test]
fn the_outcome_of_a_call_is_known_even_when_the_line_is_cut_while_saving() {
    let server = server();
    let proxy = Proxy::to(server.port()).unwrap();
    let session = open(&server.url_at(proxy.port(), &server.new_schema())).session("admin").unwrap();
    let create = |name: &str, options: &CallOptions| {
        session.call("customer.create", &format!(r#"{{"name": "{name}"}}"#), options)
    };
    // With a key the library asks for itself: done once, whether or not the commit had arrived.
    proxy.cut(Cut::BeforeCommit);
    let first = create("a", &with_key("a")).unwrap();
    assert_eq!(create("a", &with_key("a")).unwrap(), first);
    proxy.cut(Cut::AfterCommit);
    create("b", &with_key("b")).unwrap();
    assert_eq!(names(&session), ["a", "b"]);
    // Without one the caller is told that it cannot be known, and to try again with a key.
    proxy.cut(Cut::AfterCommit);
    let error = create("c", &CallOptions::default()).unwrap_err();
    assert_eq!((error.code(), error.kind()), (&OUTCOME_UNKNOWN, ErrorKind::Retry));
    proxy.cut(Cut::BeforeCommit);
    assert_eq!(create("d", &CallOptions::default()).unwrap_err().code(), &OUTCOME_UNKNOWN);
    assert_eq!(names(&session), ["a", "b", "c"]);
    session.call("audit.verify", "{}", &CallOptions::default()).unwrap();
}

#[test]
fn an_outcome_that_cannot_be_asked_for_stays_unknown() {
    let server = server();
    let proxy = Proxy::to(server.port()).unwrap();
    let session = open(&server.url_at(proxy.port(), &server.new_schema())).session("admin").unwrap();
    let create = || session.call("customer.create", r#"{"name": "a"}"#, &with_key("a"));
    // That nobody answers now says nothing about what was kept before.
    proxy.cut(Cut::AfterCommitForGood);
    let error = create().unwrap_err();
    assert_eq!(error.code(), &OUTCOME_UNKNOWN, "{error:?}");
    // A call that begins now has saved nothing, and says so.
    assert_eq!(create().unwrap_err().code(), &CONNECTION_LOST);
    proxy.mend();
    create().unwrap();
    assert_eq!(names(&session), ["a"]);
}

#[test]
fn rights_that_were_never_kept_are_nobodys() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    for url in [server.url(&server.new_schema()), folder.path().join("a.crm").to_string_lossy().into_owned()]
    {
        let ledger = open(&url);
        let admin = ledger.session("admin").unwrap();
        let call = |name: &str, input: &str| -> Value {
            serde_json::from_str(&admin.call(name, input, &CallOptions::default()).unwrap()).unwrap()
        };
        let role = call("role.create", r#"{"name": "seller", "scope": "own"}"#);
        let user = call("user.create", r#"{"login": "wang", "name": "w"}"#);
        let grant = format!(
            r#"{{"id": {}, "version": 1, "name": "w", "roles": [{}], "active": true}}"#,
            user["id"], role["id"]
        );
        // Somebody gives a right, makes use of it, and undoes it all; then another right is given, by the next number.
        let raise = format!(
            r#"{{"id": {}, "version": 1, "scope": "all", "levels": {{"party": "manage"}}}}"#,
            role["id"]
        );
        let mut tx = ledger.session("admin").unwrap().transaction().unwrap();
        tx.call("user.update", &grant).unwrap();
        tx.call("role.update", &raise).unwrap();
        tx.call("user.list", "{}").unwrap();
        drop(tx);
        call("unit.create", r#"{"name": "u"}"#);
        call("unit.create", r#"{"name": "v"}"#);
        let wang = ledger.session("wang").unwrap();
        let error = wang.call("customer.list", "{}", &CallOptions::default()).unwrap_err();
        assert_eq!(error.code(), &DENIED, "{error:?}");
        // The same where the one who undoes is the one who had got the right.
        call("user.update", &grant);
        let mut tx = wang.transaction().unwrap();
        assert_eq!(tx.call("customer.list", "{}").unwrap_err().code(), &DENIED);
        drop(tx);
    }
}

#[test]
fn cancelling_ends_all_that_is_under_way_and_nothing_else() {
    let (server, folder) = (server(), tempfile::tempdir().unwrap());
    for url in [server.url(&server.new_schema()), folder.path().join("a.crm").to_string_lossy().into_owned()]
    {
        let session = open(&url).session("admin").unwrap();
        let other = session.ledger().session("admin").unwrap();
        let request: Rows = serde_json::from_str(r#"{"dataset": "user", "select": ["login"]}"#).unwrap();
        let mut reader = session.reader(request.clone()).unwrap();
        let mut theirs = other.reader(request).unwrap();
        let mut tx = session.transaction().unwrap();
        tx.call("customer.create", r#"{"name": "a"}"#).unwrap();
        session.cancel();
        assert_eq!(reader.next(1).unwrap_err().code(), &CANCELLED);
        assert_eq!(tx.call("customer.list", "{}").unwrap_err().code(), &CANCELLED);
        assert_eq!(tx.commit().unwrap_err().code(), &CANCELLED);
        // What begins later runs, in whatever order things end.
        assert_eq!(names(&session), Vec::<String>::new());
        assert!(theirs.next(1).unwrap().is_some());
    }
}

fn export(ledger: &Ledger) -> (Vec<u8>, Moved) {
    let mut stream = Vec::new();
    let moved = crm::export_ledger(ledger, &mut stream, &mut |_| Flow::More).unwrap();
    (stream, moved)
}

fn import(mut stream: &[u8], url: &str) -> Result<Moved> {
    crm::import_ledger(&mut stream, url, &OpenOptions::default(), &mut |_| Flow::More)
}

/// A ledger with what a scenario leaves in it.
fn told(folder: &Path, scenario: &str) -> Ledger {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios").join(scenario);
    Scenario::read(&file).unwrap().run(folder, &mut |_| {}).unwrap();
    open(&folder.join("scenario.crm").to_string_lossy())
}

#[test]
fn a_ledger_moves_to_a_server_and_back_and_is_the_same() {
    let server = server();
    for file in Scenario::files().unwrap() {
        let folder = tempfile::tempdir().unwrap();
        let name = file.file_name().unwrap().to_string_lossy().into_owned();
        let ledger = told(folder.path(), &name);
        let (stream, sent) = export(&ledger);
        let there = server.url(&server.new_schema());
        assert_eq!(import(&stream, &there).unwrap(), sent, "{name}");
        let (stream_there, sent_there) = export(&open(&there));
        assert!(stream_there == stream, "{name}: the stream of the server differs");
        let back = folder.path().join("back.crm").to_string_lossy().into_owned();
        assert_eq!(import(&stream_there, &back).unwrap(), sent_there);
        let (stream_back, sent_back) = export(&open(&back));
        assert!(stream_back == stream && sent_back == sent, "{name}: the stream of the way back differs");
        println!("{name}: {} rows, {} series, {}", sent.rows, sent.series, sent.sha256);
        // It goes on where it was: numbers, ids and the trail.
        let go_on = |url: &str| {
            let session = open(url).session("admin").unwrap();
            session.call("product.create", r#"{"name": "next"}"#, &CallOptions::default()).map(|product| {
                let product: Value = serde_json::from_str(&product).unwrap();
                let verified = session.call("audit.verify", "{}", &CallOptions::default()).unwrap();
                (product["code"].clone(), verified)
            })
        };
        assert_eq!(go_on(&there).unwrap(), go_on(&back).unwrap());
    }
}

#[test]
fn a_move_that_fails_leaves_nothing_and_can_be_made_again() {
    let server = server();
    let folder = tempfile::tempdir().unwrap();
    let ledger = told(folder.path(), "10-selling.json");
    let (stream, sent) = export(&ledger);
    let text = String::from_utf8(stream.clone()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let with_line = |at: usize, line: &str| {
        let mut lines = lines.clone();
        lines[at] = line;
        (lines.join("\n") + "\n").into_bytes()
    };
    let audit = lines.iter().position(|line| *line == r#"{"table":"audit"}"#).unwrap();
    let newer = lines[0].replacen("\"schema\":", "\"schema\":9", 1);
    let altered = lines[audit + 1].replacen("create", "update", 1);
    assert_ne!(altered, lines[audit + 1]);
    let cases: Vec<(&str, Vec<u8>, Vec<Code>)> = vec![
        ("cut in a line", stream[..stream.len() / 2].to_vec(), vec![&STREAM_DAMAGED]),
        ("cut between lines", (lines[..audit].join("\n") + "\n").into_bytes(), vec![&STREAM_DAMAGED]),
        ("without its end", (lines[..lines.len() - 1].join("\n") + "\n").into_bytes(), vec![&STREAM_DAMAGED]),
        ("nothing", Vec::new(), vec![&STREAM_DAMAGED]),
        ("something else", b"PK\x03\x04\n".to_vec(), vec![&STREAM_DAMAGED]),
        ("a newer ledger", with_line(0, &newer), vec![&LEDGER_NEWER]),
        ("an altered trail", with_line(audit + 1, &altered), vec![&STREAM_DAMAGED, &CHAIN_BROKEN]),
        (
            "a row too many",
            with_line(2, &format!("{0}\n{0}", lines[2])),
            vec![&STREAM_DAMAGED, &crm::store::engine::DUPLICATE_KEY],
        ),
    ];
    let there = server.url(&server.new_schema());
    let back = folder.path().join("other.crm").to_string_lossy().into_owned();
    for (what, stream, codes) in &cases {
        for url in [&there, &back] {
            let error = import(stream, url).expect_err(what);
            assert!(codes.contains(&error.code()), "{what}: {error:?}");
        }
    }
    for url in [&there, &back] {
        // A caller who has seen enough.
        let mut input = &stream[..];
        let options = OpenOptions::default();
        let stopped = crm::import_ledger(&mut input, url, &options, &mut |progress| {
            if progress.rows * 2 > progress.rows_total { Flow::Stop } else { Flow::More }
        });
        assert_eq!(stopped.unwrap_err().code(), &CANCELLED);
        assert_eq!(import(&stream, url).unwrap(), sent, "after all that failed");
        assert_eq!(import(&stream, url).unwrap_err().code(), &TARGET_NOT_EMPTY);
    }
    struct Full;
    impl std::io::Write for Full {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is full"))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let broken = crm::export_ledger(&ledger, &mut Full, &mut |_| Flow::More);
    assert_eq!(broken.unwrap_err().code(), &STREAM_BROKEN_OFF);
}
