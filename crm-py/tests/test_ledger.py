"""Opening, closing, clocks, users, languages."""

import datetime as dt
from pathlib import Path

import pytest

import crm
from conftest import NOON
from crm import codes


def test_a_new_ledger_has_what_it_was_given(path: Path) -> None:
    with crm.open(
        path, name="云栖", currency="USD", utc_offset_minutes=0, admin="boss", clock=NOON
    ) as ledger:
        assert ledger.engine == "sqlite"
        info = ledger.info
        assert (info.name, info.currency, info.utc_offset_minutes) == ("云栖", "USD", 0)
        assert info.created_at == NOON
        assert ledger.session("boss").ledger.get() == info
    with crm.open(f"sqlite:{path}", create=False, durability="normal", name="ignored") as again:
        assert again.info == info


def test_what_cannot_be_opened_says_why(tmp_path: Path) -> None:
    with pytest.raises(crm.StorageError) as raised:
        crm.open(tmp_path / "none.crm", create=False)
    assert raised.value.code == codes.CANNOT_OPEN
    other = tmp_path / "other.crm"
    other.write_text("a letter to a customer " * 100)
    with pytest.raises(crm.StorageError) as raised:
        crm.open(other)
    assert raised.value.code == codes.NOT_A_LEDGER


def test_a_ledger_opened_for_reading_refuses_to_write(path: Path) -> None:
    crm.open(path).close()
    with crm.open(path, read_only=True) as ledger:
        session = ledger.session("admin")
        assert len(session.user.list()) == 1
        with pytest.raises(crm.StorageError) as raised:
            session.customer.create(name="x")
        assert raised.value.code == codes.READ_ONLY


def test_a_wrong_option_is_named(path: Path) -> None:
    with pytest.raises(crm.InvalidError) as raised:
        crm.open(path, currency="XYZ")
    assert (raised.value.code, raised.value.field) == (codes.UNKNOWN_CURRENCY, "currency")
    with pytest.raises(crm.InvalidError) as raised:
        crm.open(path, locale="fr")  # type: ignore[arg-type]
    assert raised.value.field == "locale"


def test_the_clock_stands_until_it_is_set(ledger: crm.Ledger, session: crm.Session) -> None:
    assert session.customer.create(name="a").created_at == NOON
    shanghai = dt.timezone(dt.timedelta(hours=8))
    ledger.set_clock(dt.datetime(2026, 3, 3, 8, 0, tzinfo=shanghai))
    created = session.customer.create(name="b").created_at
    assert created == dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
    assert created.utcoffset() == dt.timedelta(0)
    with pytest.raises(crm.InvalidError):
        ledger.set_clock(dt.datetime(2026, 3, 3))


def test_the_machines_clock_cannot_be_set(path: Path) -> None:
    with crm.open(path) as ledger, pytest.raises(crm.InvalidError) as raised:
        ledger.set_clock(NOON)
    assert raised.value.code == codes.CLOCK_NOT_MANUAL


def test_only_users_have_sessions(ledger: crm.Ledger) -> None:
    with pytest.raises(crm.DeniedError) as raised:
        ledger.session("nobody")
    assert raised.value.code == codes.UNKNOWN_USER
    assert raised.value.details == {"login": "nobody"}


def test_errors_speak_the_language_asked_for(path: Path) -> None:
    with crm.open(path, locale="zh") as ledger:
        with pytest.raises(crm.InvalidError, match="该字段不能为空"):
            ledger.session("admin").customer.create(name=" ")
        with pytest.raises(crm.InvalidError, match="must not be empty"):
            ledger.session("admin", "en").customer.create(name=" ")


def test_closing_a_ledger_closes_what_was_opened_from_it(path: Path) -> None:
    ledger = crm.open(path)
    session = ledger.session("admin")
    transaction = session.transaction()
    transaction.customer.create(name="lost")
    ledger.close()
    ledger.close()
    for use in (lambda: ledger.info, session.customer.list, transaction.customer.list, transaction.commit):
        with pytest.raises(crm.InvalidError) as raised:
            use()
        assert raised.value.code == codes.CLOSED
    transaction.rollback()
    with crm.open(path) as ledger:
        assert len(ledger.session("admin").customer.list()) == 0


def test_a_closed_session_says_so(ledger: crm.Ledger) -> None:
    with ledger.session("admin") as session:
        assert session.login == "admin"
        assert repr(session) == "<crm.Session 'admin'>"
    session.close()
    with pytest.raises(crm.InvalidError) as raised:
        session.customer.list()
    assert raised.value.code == codes.CLOSED
    # The ledger goes on.
    assert len(ledger.session("admin").user.list()) == 1
