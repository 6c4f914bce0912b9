"""Several threads, cancelling, Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import crm
from crm import codes


def test_one_session_serves_several_threads(session: crm.Session) -> None:
    def work(thread: int) -> int:
        for turn in range(10):
            made = session.customer.create(name=f"{thread}-{turn}")
            assert session.customer.get(made.id) == made
        return thread

    with ThreadPoolExecutor(6) as pool:
        assert sorted(pool.map(work, range(6))) == list(range(6))
    names = [customer.name for customer in session.customer.iterate(limit=7)]
    assert sorted(names) == sorted(f"{thread}-{turn}" for thread in range(6) for turn in range(10))
    assert session.audit.verify() >= 60


def test_a_transaction_serves_several_threads(session: crm.Session) -> None:
    with session.transaction() as tx, ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda turn: tx.customer.create(name=f"{turn}"), range(40)))
    assert len(session.customer.list()) == 40


def test_others_go_on_while_the_library_works(path: Path) -> None:
    """A writer that waits for another holds the ledger's lock, and not the interpreter's."""
    with crm.open(path) as ledger:
        tx = ledger.session("admin").transaction()
        started = threading.Event()

        def write() -> None:
            started.set()
            ledger.session("admin").customer.create(name="b")

        writer = threading.Thread(target=write)
        writer.start()
        started.wait()
        turns = 0
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            turns += 1
        assert turns > 1000
        assert writer.is_alive()
        tx.rollback()
        writer.join(20)
        assert not writer.is_alive()


def test_closing_waits_for_calls_that_are_running(path: Path) -> None:
    for _ in range(20):
        ledger = crm.open(path)
        session = ledger.session("admin")

        def work(session: crm.Session = session) -> None:
            def list_on() -> None:
                while True:
                    session.customer.list()

            with pytest.raises(crm.InvalidError) as raised:
                list_on()
            assert raised.value.code == codes.CLOSED

        with ThreadPoolExecutor(2) as pool:
            running = [pool.submit(work) for _ in range(2)]
            time.sleep(0.005)
            ledger.close()
            for one in running:
                one.result(20)


def test_nothing_is_written_after_closing_has_returned(path: Path) -> None:
    for _ in range(10):
        ledger = crm.open(path)
        session = ledger.session("admin")
        unread = session.arrow("user", ["login"])

        def work(session: crm.Session = session) -> None:
            def write_on() -> None:
                while True:
                    session.customer.create(name="甲")

            with pytest.raises(crm.InvalidError) as raised:
                write_on()
            assert raised.value.code == codes.CLOSED

        with ThreadPoolExecutor(3) as pool:
            running = [pool.submit(work) for _ in range(3)]
            time.sleep(0.01)
            ledger.close()
            with crm.open(path) as again, again.session("admin") as admin:
                written = admin.audit.verify()
                for one in running:
                    one.result(20)
                assert admin.audit.verify() == written
        with pytest.raises(crm.InvalidError):
            unread.__arrow_c_stream__()


def fill(session: crm.Session, count: int) -> None:
    with session.transaction() as tx:
        for position in range(count):
            tx.customer.create(name=f"客户{position}", note="x" * 50)


def verify_on(session: crm.Session) -> None:
    for _ in range(2000):
        session.audit.verify()


def test_a_call_can_be_cancelled(session: crm.Session) -> None:
    fill(session, 300)
    done = threading.Event()

    def keep_cancelling() -> None:
        while not done.wait(0.001):
            session.cancel()

    canceller = threading.Thread(target=keep_cancelling)
    canceller.start()
    try:
        with pytest.raises(crm.CancelledError) as raised:
            verify_on(session)
        assert raised.value.code == codes.CANCELLED
    finally:
        done.set()
        canceller.join()
    assert session.audit.verify() >= 1


CTRL_C = """
import crm, sys, time
with crm.open(sys.argv[1]) as ledger, ledger.session("admin") as session:
    with session.transaction() as tx:
        for position in range(2000):
            tx.call("customer.create", {"name": f"{position}", "note": "x" * 1000})
    words, usual = 100, 0.0
    while usual < 1:
        words *= 2
        slow = {"or": [{"contains": ["note", f"y{word}"]} for word in range(words)]}
        before = time.monotonic()
        session.customer.list(filter=slow, limit=1)
        usual = time.monotonic() - before
    print("ready", flush=True)
    before = time.monotonic()
    try:
        session.customer.list(filter=slow, limit=1)
    except KeyboardInterrupt:
        early = time.monotonic() - before < 0.8 * usual
        print("stopped", early, len(session.customer.list()), flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_ctrl_c_stops_the_call_and_leaves_the_ledger_whole(path: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", CTRL_C, str(path)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=30)
    assert out == "stopped True 100\n", err
