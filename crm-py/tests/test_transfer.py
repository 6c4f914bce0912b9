"""A ledger moves between engines and is the same."""

from decimal import Decimal
from pathlib import Path

import pytest

import crm
from conftest import server_url


def filled(path: Path) -> crm.Moved:
    with crm.open(path) as ledger, ledger.session("admin") as session:
        for number in range(1_100):
            session.customer.create(name=f"客户{number:04}")
        return ledger.export(path.with_suffix(".jsonl"))


def test_to_a_server_and_back(tmp_path: Path) -> None:
    sent = filled(tmp_path / "here.crm")
    assert sent.tables["customer"] == 1_100
    assert sent.rows == sum(sent.tables.values())
    there, told = server_url(), []
    arrived = crm.import_ledger(
        tmp_path / "here.jsonl", there, progress=lambda table, rows, total: told.append((table, rows, total))
    )
    assert arrived == sent
    assert {total for _, _, total in told} == {sent.rows}
    assert [rows for _, rows, _ in told] == sorted(rows for _, rows, _ in told)
    with crm.open(there, create=False) as ledger, ledger.session("admin") as session:
        assert ledger.engine == "postgres"
        entries = session.audit.verify()
        assert ledger.export(tmp_path / "there.jsonl") == sent
    back = tmp_path / "back.crm"
    assert crm.import_ledger(tmp_path / "there.jsonl", back) == sent
    with crm.open(back, create=False) as ledger, ledger.session("admin") as session:
        assert session.audit.verify() == entries
        assert ledger.export(tmp_path / "back.jsonl") == sent
    assert (tmp_path / "back.jsonl").read_bytes() == (tmp_path / "here.jsonl").read_bytes()


def test_broken_off(url: str, tmp_path: Path) -> None:
    sent = filled(tmp_path / "here.crm")
    file = tmp_path / "here.jsonl"

    def enough(table: str, rows: int, total: int) -> None:
        if rows >= 1_000:
            raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        crm.import_ledger(file, url, progress=enough)
    half = tmp_path / "half.jsonl"
    half.write_bytes(file.read_bytes()[:-1_000])
    with pytest.raises(crm.StorageError, match="Nothing was imported") as damaged:
        crm.import_ledger(half, url)
    assert damaged.value.name == "stream_damaged"
    # There is still nothing, so that it can be done again.
    assert crm.import_ledger(file, url) == sent
    with pytest.raises(crm.ConflictError) as taken:
        crm.import_ledger(file, url)
    assert taken.value.name == "target_not_empty"


def test_an_export_that_fails_leaves_no_file(ledger: crm.Ledger, tmp_path: Path) -> None:
    def enough(table: str, rows: int, total: int) -> None:
        raise KeyboardInterrupt

    older = tmp_path / "older.jsonl"
    older.write_text("older")
    with pytest.raises(KeyboardInterrupt):
        ledger.export(older, progress=enough)
    assert older.read_text() == "older"
    with pytest.raises(crm.StorageError) as missing:
        ledger.export(tmp_path / "no" / "such.jsonl")
    assert missing.value.name == "stream_broken_off"
    assert not list(tmp_path.glob("*.part"))
    with pytest.raises(crm.StorageError):
        crm.import_ledger(tmp_path / "missing.jsonl", tmp_path / "new.crm")
    assert not (tmp_path / "new.crm").exists()


def test_a_file_of_version_1_says_which_rates_it_needs(url: str) -> None:
    old = Path(__file__).parents[2] / "tests/ledgers/version-1-currencies.stream"
    with pytest.raises(crm.InvalidError) as refused:
        crm.import_ledger(old, url)
    assert (refused.value.name, refused.value.details) == ("old_rates_needed", {"currencies": "JPY, USD"})
    rates = {"USD": Decimal("7.1234"), "JPY": Decimal("0.048")}
    crm.import_ledger(old, url, old_rates=rates)
    with crm.open(url, create=False, old_rates=rates) as ledger, ledger.session("admin") as session:
        assert session.settlement.verify().clean
