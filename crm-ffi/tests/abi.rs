//! The ABI as a C program sees it: what happens with bad input, who owns what, and that nothing leaks.
#![allow(clippy::unwrap_used, clippy::undocumented_unsafe_blocks, clippy::multiple_unsafe_ops_per_block)]

use std::ffi::{CStr, CString, c_char, c_int, c_void};
use std::ptr::{null, null_mut};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};

use arrow_array::RecordBatchReader;
use arrow_array::ffi_stream::{ArrowArrayStreamReader, FFI_ArrowArrayStream};
use crm_ffi::*;
use serde_json::{Value, json};

/// Handles are counted for the whole process, so tests take turns.
static TURN: Mutex<()> = Mutex::new(());

fn counted(test: impl FnOnce()) {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let before = crm_live_handles();
    test();
    assert_eq!(crm_live_handles(), before, "handles leaked");
}

fn c(text: &str) -> CString {
    CString::new(text).unwrap()
}

unsafe fn text(pointer: *const c_char) -> String {
    unsafe { CStr::from_ptr(pointer) }.to_str().unwrap().to_owned()
}

/// Status and error of a failed call; the error is freed.
fn failure(status: c_int, error: *mut crm_error) -> (c_int, Value) {
    assert_ne!(status, 0, "the call must fail");
    assert!(!error.is_null(), "a failed call writes its error");
    unsafe {
        assert_eq!(crm_error_status(error), status);
        let wire: Value = serde_json::from_str(&text(crm_error_json(error))).unwrap();
        assert_eq!(wire["code"], crm_error_code(error));
        assert_eq!(wire["name"], text(crm_error_name(error)));
        assert_eq!(wire["kind"], text(crm_error_kind(error)));
        let message = wire["message"].as_str().unwrap().replace('\0', "\u{FFFD}");
        assert_eq!(message, text(crm_error_message(error)));
        assert_eq!(wire["field"].is_null(), crm_error_field(error).is_null());
        let details: Value = serde_json::from_str(&text(crm_error_details(error))).unwrap();
        assert_eq!(wire["details"], details);
        crm_error_free(error);
        (status, wire)
    }
}

fn refused(status: c_int, error: *mut crm_error, name: &str, field: &str) {
    let (status, wire) = failure(status, error);
    assert_eq!((status, &wire["name"], &wire["field"]), (1, &json!(name), &json!(field)), "{wire}");
}

fn take(buffer: *mut crm_buffer) -> Value {
    unsafe {
        let (data, length) = (crm_buffer_data(buffer), crm_buffer_length(buffer));
        assert_eq!(CStr::from_ptr(data).to_bytes().len(), length, "one NUL follows the bytes");
        let value = serde_json::from_slice(std::slice::from_raw_parts(data.cast(), length)).unwrap();
        crm_buffer_free(buffer);
        value
    }
}

struct Books {
    ledger: *mut crm_ledger,
    session: *mut crm_session,
    _folder: tempfile::TempDir,
}

impl Books {
    fn open(session_options: &str) -> Books {
        let folder = tempfile::tempdir().unwrap();
        let url = c(folder.path().join("books.crm").to_str().unwrap());
        let options = c(r#"{"clock": {"manual": "2026-03-02T01:00:00Z"}, "durability": "normal"}"#);
        let (login, session_options) = (c("admin"), c(session_options));
        let (mut ledger, mut session, mut error) = (null_mut(), null_mut(), null_mut());
        unsafe {
            assert_eq!(crm_open(url.as_ptr(), options.as_ptr(), &mut ledger, &mut error), 0);
            let options = session_options.as_ptr();
            assert_eq!(crm_session_open(ledger, login.as_ptr(), options, &mut session, &mut error), 0);
        }
        Books { ledger, session, _folder: folder }
    }

    fn call_with(
        &self,
        operation: &str,
        input: &str,
        options: Option<&str>,
    ) -> Result<Value, (c_int, Value)> {
        let (operation, options) = (c(operation), options.map(c));
        let options = options.as_ref().map_or(null(), |options| options.as_ptr());
        let (mut output, mut error) = (null_mut(), null_mut());
        let (data, length) = (input.as_ptr().cast(), input.len());
        let status = unsafe {
            crm_call(self.session, operation.as_ptr(), data, length, options, &mut output, &mut error)
        };
        if status == 0 { Ok(take(output)) } else { Err(failure(status, error)) }
    }

    fn call(&self, operation: &str, input: &str) -> Result<Value, (c_int, Value)> {
        self.call_with(operation, input, None)
    }

    fn customers(&self, count: usize) {
        for number in 0..count {
            let input = format!(r#"{{"name": "客户{number:03}", "tags": ["展会", "老客户"]}}"#);
            self.call("customer.create", &input).unwrap();
        }
    }

    fn customer_count(&self) -> usize {
        self.call("customer.list", "{}").unwrap()["items"].as_array().unwrap().len()
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        unsafe {
            // The ledger first: its session must keep it alive.
            crm_close(self.ledger);
            crm_session_close(self.session);
        }
    }
}

#[test]
fn null_is_refused_where_something_is_needed() {
    counted(|| unsafe {
        let (x, mut error) = (c("x"), null_mut());
        let x = x.as_ptr();
        let (mut ledger, mut session, mut output) = (null_mut(), null_mut(), null_mut());
        let (mut transaction, mut cursor) = (null_mut(), null_mut());
        let mut stream = FFI_ArrowArrayStream::empty();
        let books = Books::open("{}");
        let live = books.session;
        macro_rules! needs {
            ($($name:literal: $function:ident($($argument:expr),*);)+) => {
                $(refused($function($($argument,)* &mut error), error, "null_argument", $name);)+
            };
        }
        needs! {
            "url": crm_open(null(), null(), &mut ledger);
            "ledger": crm_open(x, null(), null_mut());
            "ledger": crm_ledger_set_clock(null(), x);
            "now": crm_ledger_set_clock(books.ledger, null());
            "ledger": crm_session_open(null(), x, null(), &mut session);
            "login": crm_session_open(books.ledger, null(), null(), &mut session);
            "session": crm_session_open(books.ledger, x, null(), null_mut());
            "session": crm_call(null(), x, null(), 0, null(), &mut output);
            "operation": crm_call(live, null(), null(), 0, null(), &mut output);
            "input": crm_call(live, x, null(), 3, null(), &mut output);
            "output": crm_call(live, x, null(), 0, null(), null_mut());
            "session": crm_transaction_begin(null(), &mut transaction);
            "transaction": crm_transaction_begin(live, null_mut());
            "transaction": crm_transaction_call(null(), x, null(), 0, &mut output);
            "transaction": crm_transaction_commit(null());
            "transaction": crm_transaction_rollback(null());
            "session": crm_cursor_open(null(), x, null(), 0, &mut cursor);
            "cursor": crm_cursor_open(live, x, null(), 0, null_mut());
            "cursor": crm_cursor_next(null(), &mut output);
            "session": crm_query_arrow(null(), null(), 0, &mut stream);
            "stream": crm_query_arrow(live, null(), 0, null_mut());
            "output": crm_catalog(null_mut());
        }
        // Without a place for the error, the status still tells.
        assert_eq!(crm_open(null(), null(), &mut ledger, null_mut()), 1);
        assert!(ledger.is_null() && session.is_null() && output.is_null());
        assert!(transaction.is_null() && cursor.is_null() && stream.release.is_none());
    });
}

#[test]
fn null_is_nothing_to_free_and_nothing_to_read() {
    counted(|| unsafe {
        crm_close(null_mut());
        crm_session_close(null_mut());
        crm_transaction_close(null_mut());
        crm_cursor_close(null_mut());
        crm_buffer_free(null_mut());
        crm_error_free(null_mut());
        crm_cancel(null());
        assert!(crm_buffer_data(null()).is_null() && crm_error_message(null()).is_null());
        assert!(crm_error_message_in(null(), 1).is_null() && crm_error_field(null()).is_null());
        assert!(crm_error_name(null()).is_null() && crm_error_kind(null()).is_null());
        assert!(crm_error_details(null()).is_null() && crm_error_json(null()).is_null());
        assert_eq!((crm_buffer_length(null()), crm_error_code(null()), crm_error_status(null())), (0, 0, 0));
    });
}

#[test]
fn texts_that_are_not_utf8_are_refused_by_name() {
    counted(|| unsafe {
        let books = Books::open("{}");
        // 客户 in GBK, which a Chinese Windows program sends by mistake.
        let gbk = CString::new([0xBF, 0xCD, 0xBB, 0xA7]).unwrap();
        let (gbk, x, create) = (gbk.as_ptr(), c("x"), c("customer.create"));
        let (mut ledger, mut session, mut output, mut error) =
            (null_mut(), null_mut(), null_mut(), null_mut());
        let name = "invalid_text";
        refused(crm_open(gbk, null(), &mut ledger, &mut error), error, name, "url");
        refused(crm_open(x.as_ptr(), gbk, &mut ledger, &mut error), error, name, "options");
        refused(crm_ledger_set_clock(books.ledger, gbk, &mut error), error, name, "now");
        refused(crm_session_open(books.ledger, gbk, null(), &mut session, &mut error), error, name, "login");
        let status = crm_call(books.session, gbk, null(), 0, null(), &mut output, &mut error);
        refused(status, error, name, "operation");
        let status = crm_call(books.session, create.as_ptr(), gbk, 4, null(), &mut output, &mut error);
        refused(status, error, name, "input");
    });
}

#[test]
fn options_and_requests_that_are_wrong_say_where() {
    counted(|| unsafe {
        let (mut ledger, mut error, url) = (null_mut(), null_mut(), c("/nonexistent/x.crm"));
        let cases = [
            ("{", "malformed_json"),
            ("[", "malformed_json"),
            ("7", "wrong_type"),
            (r#"{"creat": true}"#, "unknown_field"),
            (r#"{"durability": "some"}"#, "not_allowed"),
            (r#"{"clock": {"manual": "now"}}"#, "wrong_type"),
        ];
        for (options, name) in cases {
            let options_text = c(options);
            let status = crm_open(url.as_ptr(), options_text.as_ptr(), &mut ledger, &mut error);
            let (status, wire) = failure(status, error);
            assert_eq!((status, wire["name"].as_str()), (1, Some(name)), "{options}: {wire}");
            assert!(wire["field"].as_str().unwrap().starts_with("options"), "{options}: {wire}");
        }
        let books = Books::open("{}");
        let cases = [
            ("customer.crate", "{}", "unknown_operation"),
            ("customer.create", "{", "malformed_json"),
            ("customer.create", "", "malformed_json"),
            ("customer.create", r#"{"name": "a"} {}"#, "malformed_json"),
            ("customer.create", "{}", "missing_field"),
            ("customer.create", r#"{"name": "a", "nmae": "b"}"#, "unknown_field"),
            ("customer.get", r#"{"id": "0190163d-8694-739b-aea5-966c26f8ad91"}"#, "not_an_id"),
        ];
        for (operation, input, name) in cases {
            let (status, wire) = books.call(operation, input).unwrap_err();
            assert_eq!((status, wire["name"].as_str()), (1, Some(name)), "{operation} {input}: {wire}");
        }
        // A NUL inside a request does not cut the message short.
        let (_, wire) = books.call("customer.create", r#"{"name": "a", "a\u0000b": "b"}"#).unwrap_err();
        assert_eq!(wire["details"]["name"], "a\0b");
        let (_, wire) = books.call_with("ledger.get", "{}", Some(r#"{"key": "1"}"#)).unwrap_err();
        assert_eq!(wire["name"], "unknown_field");
        // No input is an empty object.
        let (mut output, name) = (null_mut(), c("ledger.get"));
        assert_eq!(crm_call(books.session, name.as_ptr(), null(), 0, null(), &mut output, &mut error), 0);
        assert_eq!(take(output)["currency"], "CNY");
    });
}

#[test]
fn messages_speak_the_language_of_call_or_session() {
    counted(|| unsafe {
        let books = Books::open(r#"{"locale": "zh"}"#);
        let message = |options| books.call_with("nothing", "{}", options).unwrap_err().1["message"].clone();
        assert_eq!(message(None), "没有名为 nothing 的操作。");
        assert_eq!(message(Some(r#"{"locale": "en"}"#)), "There is no operation nothing.");
        let (mut output, mut error, name) = (null_mut(), null_mut(), c("nothing"));
        crm_call(books.session, name.as_ptr(), null(), 0, null(), &mut output, &mut error);
        assert_eq!(text(crm_error_message(error)), "没有名为 nothing 的操作。");
        let english = crm_error_message_in(error, crm_locale::English as c_int);
        assert_eq!(text(english), "There is no operation nothing.");
        crm_error_free(error);
    });
}

#[test]
fn a_key_makes_a_repeated_call_harmless() {
    counted(|| {
        let books = Books::open("{}");
        let key = Some(r#"{"idempotency_key": "order-7"}"#);
        let first = books.call_with("customer.create", r#"{"name": "甲"}"#, key).unwrap();
        let again = books.call_with("customer.create", r#"{"name": "甲"}"#, key).unwrap();
        assert_eq!((first, books.customer_count()), (again, 1));
        let (status, wire) = books.call_with("customer.create", r#"{"name": "乙"}"#, key).unwrap_err();
        assert_eq!((status, &wire["name"]), (crm_status::Conflict as c_int, &json!("key_reused")));
    });
}

#[test]
fn a_transaction_keeps_all_or_nothing() {
    counted(|| unsafe {
        let books = Books::open("{}");
        let create = c("customer.create");
        for (ending, expected) in [("rollback", 0), ("close", 0), ("commit", 1)] {
            let (mut transaction, mut output, mut error) = (null_mut(), null_mut(), null_mut());
            assert_eq!(crm_transaction_begin(books.session, &mut transaction, &mut error), 0);
            let mut call = |input: &str, error: &mut *mut crm_error| {
                let (data, length) = (input.as_ptr().cast(), input.len());
                crm_transaction_call(transaction, create.as_ptr(), data, length, &mut output, error)
            };
            assert_eq!(call(r#"{"name": "甲"}"#, &mut error), 0);
            let status = call("{}", &mut error);
            assert_eq!(failure(status, error).1["name"], "missing_field");
            assert_eq!(take(output)["name"], "甲");
            match ending {
                "rollback" => assert_eq!(crm_transaction_rollback(transaction, &mut error), 0),
                "commit" => assert_eq!(crm_transaction_commit(transaction, &mut error), 0),
                _ => {}
            }
            if ending != "close" {
                let status = crm_transaction_commit(transaction, &mut error);
                assert_eq!(failure(status, error).1["name"], "closed");
            }
            crm_transaction_close(transaction);
            assert_eq!(books.customer_count(), expected, "after {ending}");
        }
    });
}

#[test]
fn a_cursor_pages_through_a_list() {
    counted(|| unsafe {
        let books = Books::open("{}");
        books.customers(7);
        let open = |operation: &str, input: &str| {
            let (mut cursor, mut error, name) = (null_mut(), null_mut(), c(operation));
            let (data, length) = (input.as_ptr().cast(), input.len());
            match crm_cursor_open(books.session, name.as_ptr(), data, length, &mut cursor, &mut error) {
                0 => Ok(cursor),
                status => Err(failure(status, error).1),
            }
        };
        let mut error = null_mut();
        let cases = [
            ("customer.list", r#"{"limit": 3}"#, 3),
            ("query.rows", r#"{"dataset": "customer", "select": ["name"], "limit": 3}"#, 3),
            ("audit.list", r#"{"list": {"limit": 3}}"#, 3),
            ("audit.list", "{}", 1),
        ];
        for (operation, input, pages_expected) in cases {
            let cursor = open(operation, input).unwrap();
            let (mut items, mut pages) = (Vec::new(), 0);
            loop {
                let mut page = null_mut();
                let status = crm_cursor_next(cursor, &mut page, &mut error);
                if status != 0 {
                    assert_eq!((status, page.is_null()), (crm_status::End as c_int, true));
                    break;
                }
                items.extend(take(page)["items"].as_array().unwrap().clone());
                pages += 1;
            }
            let again = crm_cursor_next(cursor, &mut null_mut(), &mut error);
            assert_eq!(again, crm_status::End as c_int, "the end stays the end");
            crm_cursor_close(cursor);
            items.dedup();
            assert_eq!((pages, items.len()), (pages_expected, 7), "{operation} {input}");
        }
        assert_eq!(open("customer.get", "{}").unwrap_err()["name"], "not_applicable");
        assert_eq!(open("customer.list", "[]").unwrap_err()["name"], "wrong_type");
        // What is wrong with a request shows with the first page, and again when it is asked for again.
        let cursor = open("customer.list", r#"{"limit": 0}"#).unwrap();
        for _ in 0..2 {
            let status = crm_cursor_next(cursor, &mut null_mut(), &mut error);
            assert_eq!(failure(status, error).1["name"], "out_of_range");
        }
        crm_cursor_close(cursor);
    });
}

fn arrow(books: &Books, request: &str) -> Result<FFI_ArrowArrayStream, Value> {
    let (mut stream, mut error) = (FFI_ArrowArrayStream::empty(), null_mut());
    let (data, length) = (request.as_ptr().cast(), request.len());
    match unsafe { crm_query_arrow(books.session, data, length, &mut stream, &mut error) } {
        0 => Ok(stream),
        status => Err(failure(status, error).1),
    }
}

#[test]
fn arrow_streams_outlive_session_and_ledger() {
    counted(|| {
        let books = Books::open("{}");
        books.customers(5);
        let all = r#"{"dataset": "customer", "select": ["id", "name", "tags", "owner.login"]}"#;
        let all = arrow(&books, all).unwrap();
        let limited = arrow(&books, r#"{"dataset": "customer", "select": ["name"], "limit": 2}"#).unwrap();
        let empty = arrow(&books, r#"{"dataset": "contact", "select": ["name"]}"#).unwrap();
        let wrong = arrow(&books, r#"{"dataset": "customer", "select": ["nmae"]}"#).unwrap_err();
        assert_eq!(wrong["field"], "select[0]");
        let wrong = arrow(&books, r#"{"dataset": "customers", "select": ["name"]}"#).unwrap_err();
        assert_eq!(wrong["field"], "dataset");
        // Written after the snapshot: not in the stream.
        books.customers(1);
        let live = crm_live_handles();
        drop(books);
        assert_eq!(crm_live_handles(), live - 2);
        let rows = |stream, columns| {
            let reader = ArrowArrayStreamReader::try_new(stream).unwrap();
            assert_eq!(reader.schema().fields().len(), columns);
            reader.map(|batch| batch.unwrap().num_rows()).sum::<usize>()
        };
        assert_eq!((rows(all, 4), rows(limited, 1), rows(empty, 1)), (5, 2, 0));
    });
}

#[test]
fn the_clock_can_be_set_only_where_it_is_manual() {
    counted(|| unsafe {
        let books = Books::open("{}");
        let (mut error, new_year, tomorrow) = (null_mut(), c("2027-01-01T00:00:00Z"), c("tomorrow"));
        assert_eq!(crm_ledger_set_clock(books.ledger, new_year.as_ptr(), &mut error), 0);
        let customer = books.call("customer.create", r#"{"name": "甲"}"#).unwrap();
        assert_eq!(customer["created_at"], "2027-01-01T00:00:00Z");
        refused(
            crm_ledger_set_clock(books.ledger, tomorrow.as_ptr(), &mut error),
            error,
            "wrong_type",
            "now",
        );
        let folder = tempfile::tempdir().unwrap();
        let url = c(folder.path().join("real.crm").to_str().unwrap());
        let mut ledger = null_mut();
        assert_eq!(crm_open(url.as_ptr(), null(), &mut ledger, &mut error), 0);
        let status = crm_ledger_set_clock(ledger, new_year.as_ptr(), &mut error);
        assert_eq!(failure(status, error).1["name"], "clock_not_manual");
        crm_close(ledger);
    });
}

#[test]
fn sessions_are_for_users_that_exist() {
    counted(|| unsafe {
        let books = Books::open("{}");
        let (mut session, mut error) = (null_mut(), null_mut());
        let (login, zh) = (c("nobody"), c(r#"{"locale": "zh"}"#));
        let status = crm_session_open(books.ledger, login.as_ptr(), zh.as_ptr(), &mut session, &mut error);
        let (status, wire) = failure(status, error);
        assert_eq!((status, &wire["name"]), (crm_status::Denied as c_int, &json!("unknown_user")));
        assert!(wire["message"].as_str().unwrap().contains("账套"), "{wire}");
    });
}

#[test]
fn a_session_serves_several_threads() {
    counted(|| {
        let books = Books::open("{}");
        let session = books.session as usize;
        std::thread::scope(|scope| {
            for thread in 0..4 {
                scope.spawn(move || unsafe {
                    let (session, name) = (session as *const crm_session, c("customer.create"));
                    for number in 0..10 {
                        let input = format!(r#"{{"name": "客户 {thread}-{number}"}}"#);
                        let (mut output, mut error) = (null_mut(), null_mut());
                        let (data, length) = (input.as_ptr().cast(), input.len());
                        let status =
                            crm_call(session, name.as_ptr(), data, length, null(), &mut output, &mut error);
                        assert_eq!(status, 0);
                        crm_buffer_free(output);
                    }
                });
            }
        });
        assert_eq!(books.customer_count(), 40);
        assert_eq!(books.call("audit.verify", "{}").unwrap(), json!("40"));
    });
}

#[test]
fn a_call_is_cancelled_from_another_thread() {
    counted(|| {
        let books = Books::open("{}");
        books.customers(20);
        let session = books.session as usize;
        let is_over = AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            scope.spawn(|| {
                while !is_over.load(Ordering::Relaxed) {
                    unsafe { crm_cancel(session as *const crm_session) };
                }
            });
            // A cancel that comes between two calls is without effect, so it takes a few calls until one is hit.
            let seen = (0..100_000).find_map(|_| books.call("customer.list", "{}").err());
            is_over.store(true, Ordering::Relaxed);
            seen
        });
        let (status, wire) = seen.unwrap();
        assert_eq!((status, &wire["name"]), (crm_status::Cancelled as c_int, &json!("cancelled")));
        assert_eq!(books.customer_count(), 20, "the next call is not affected");
    });
}

#[test]
fn the_catalogue_describes_every_operation_and_code() {
    counted(|| unsafe {
        let (mut output, mut error) = (null_mut(), null_mut());
        assert_eq!(crm_catalog(&mut output, &mut error), 0);
        let catalog = take(output);
        let operations = catalog["operations"].as_array().unwrap();
        assert_eq!(operations.len(), crm::catalog::Catalog::shared().operations().count());
        for operation in operations {
            for key in ["name", "area", "summary", "zh", "access", "mode", "input", "output", "example"] {
                assert!(!operation[key].is_null(), "{} has no {key}", operation["name"]);
            }
            assert!(operation["example"]["input"].is_object(), "{operation}");
        }
        let mut numbers: Vec<u16> = codes().iter().map(|code| code.number).collect();
        assert_eq!(catalog["errors"].as_array().unwrap().len(), numbers.len());
        numbers.dedup();
        assert_eq!(codes().len(), numbers.len(), "two codes have one number");
    });
}

#[test]
fn versions_are_told_and_checked() {
    counted(|| unsafe {
        assert_eq!(text(crm_version()), env!("CARGO_PKG_VERSION"));
        assert_eq!(crm_abi_version(), CRM_ABI_VERSION);
        let mut error = null_mut();
        assert_eq!(crm_abi_check(CRM_ABI_VERSION, &mut error), 0);
        let (_, wire) = failure(crm_abi_check(CRM_ABI_VERSION + 1, &mut error), error);
        assert_eq!(wire["name"], "wrong_abi");
    });
}

/// What a progress function was told, and after how many rows it says that it has seen enough.
struct Told {
    enough: u64,
    last: (u64, u64),
    tables: Vec<String>,
}

unsafe extern "C" fn tell(context: *mut c_void, table: *const c_char, rows: u64, rows_total: u64) -> c_int {
    let told = unsafe { &mut *context.cast::<Told>() };
    told.last = (rows, rows_total);
    told.tables.push(unsafe { text(table) });
    c_int::from(rows >= told.enough)
}

fn told() -> Told {
    Told { enough: u64::MAX, last: (0, 0), tables: Vec::new() }
}

fn export(ledger: *const crm_ledger, path: &CStr, told: &mut Told) -> Result<Value, (c_int, Value)> {
    let (mut moved, mut error) = (null_mut(), null_mut());
    let context = std::ptr::from_mut(told).cast();
    let status =
        unsafe { crm_ledger_export(ledger, path.as_ptr(), Some(tell), context, &mut moved, &mut error) };
    if status == 0 { Ok(take(moved)) } else { Err(failure(status, error)) }
}

fn import(path: &CStr, url: &CStr, told: &mut Told) -> Result<Value, (c_int, Value)> {
    let (mut moved, mut error) = (null_mut(), null_mut());
    let context = std::ptr::from_mut(told).cast();
    let (path, url) = (path.as_ptr(), url.as_ptr());
    let status = unsafe { crm_ledger_import(path, url, null(), Some(tell), context, &mut moved, &mut error) };
    if status == 0 { Ok(take(moved)) } else { Err(failure(status, error)) }
}

fn opened(url: &CStr) -> *mut crm_ledger {
    let (mut ledger, mut error) = (null_mut(), null_mut());
    assert_eq!(unsafe { crm_open(url.as_ptr(), null(), &mut ledger, &mut error) }, 0);
    ledger
}

#[test]
fn a_ledger_moves_to_a_server_and_back() {
    let server = crm_postgres_server::Server::shared().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| c(folder.path().join(name).to_str().unwrap());
    counted(|| {
        let books = Books::open("{}");
        // More rows than are told at once.
        books.customers(1_100);
        let file = path("moved.jsonl");
        let mut seen = told();
        let sent = export(books.ledger, &file, &mut seen).unwrap();
        assert_eq!(seen.last.0, seen.last.1, "told of the last row");
        assert_eq!(seen.last.1.to_string(), sent["rows"].as_str().unwrap());
        assert!(seen.tables.contains(&"customer".to_owned()));

        let there = c(&server.url(&server.new_schema()));
        // One who has seen enough leaves nothing there, and is told so.
        let mut enough = Told { enough: 500, ..told() };
        let (status, wire) = import(&file, &there, &mut enough).unwrap_err();
        assert_eq!((status, &wire["name"]), (crm_status::Cancelled as c_int, &json!("cancelled")));
        // So does a file that has lost its end.
        let whole = std::fs::read(folder.path().join("moved.jsonl")).unwrap();
        std::fs::write(folder.path().join("half.jsonl"), &whole[..whole.len() / 2]).unwrap();
        let (status, wire) = import(&path("half.jsonl"), &there, &mut told()).unwrap_err();
        assert_eq!((status, &wire["name"]), (crm_status::Storage as c_int, &json!("stream_damaged")));

        assert_eq!(import(&file, &there, &mut told()).unwrap(), sent);
        let (status, wire) = import(&file, &there, &mut told()).unwrap_err();
        assert_eq!((status, &wire["name"]), (crm_status::Conflict as c_int, &json!("target_not_empty")));

        let on_server = opened(&there);
        let (file_there, back) = (path("there.jsonl"), path("back.crm"));
        assert_eq!(export(on_server, &file_there, &mut told()).unwrap(), sent);
        assert_eq!(import(&file_there, &back, &mut told()).unwrap(), sent);
        let home = opened(&back);
        assert_eq!(export(home, &path("back.jsonl"), &mut told()).unwrap(), sent);
        assert_eq!(std::fs::read(folder.path().join("back.jsonl")).unwrap(), whole);
        unsafe {
            crm_close(on_server);
            crm_close(home);
        }
        println!("rows {}, sha256 {}: the same on sqlite, postgres and sqlite", sent["rows"], sent["sha256"]);
    });
}

#[test]
fn an_export_that_fails_leaves_no_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| c(folder.path().join(name).to_str().unwrap());
    counted(|| {
        let books = Books::open("{}");
        let mut enough = Told { enough: 0, ..told() };
        let (status, _) = export(books.ledger, &path("stopped.jsonl"), &mut enough).unwrap_err();
        assert_eq!(status, crm_status::Cancelled as c_int);
        let (_, wire) = export(books.ledger, &path("no/such/folder.jsonl"), &mut told()).unwrap_err();
        assert_eq!(wire["name"], "stream_broken_off");
        let (_, wire) = import(&path("missing.jsonl"), &path("new.crm"), &mut told()).unwrap_err();
        assert_eq!(wire["name"], "stream_broken_off");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        // Without a progress function, and with bad arguments.
        let (mut moved, mut error) = (null_mut(), null_mut());
        let file = path("whole.jsonl");
        unsafe {
            let status =
                crm_ledger_export(books.ledger, file.as_ptr(), None, null_mut(), &mut moved, &mut error);
            assert_eq!(status, 0);
            take(moved);
            let status = crm_ledger_export(null(), file.as_ptr(), None, null_mut(), &mut moved, &mut error);
            refused(status, error, "null_argument", "ledger");
            error = null_mut();
            let status = crm_ledger_export(books.ledger, null(), None, null_mut(), &mut moved, &mut error);
            refused(status, error, "null_argument", "path");
            error = null_mut();
            let status =
                crm_ledger_import(file.as_ptr(), null(), null(), None, null_mut(), &mut moved, &mut error);
            refused(status, error, "null_argument", "url");
        }
    });
}
