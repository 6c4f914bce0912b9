"""A new ledger for each test, its clock standing at one moment."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import pytest

import crm

NOON = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "test.crm"


@pytest.fixture
def ledger(path: Path) -> Iterator[crm.Ledger]:
    with crm.open(path, clock=NOON, name="测试公司") as ledger:
        yield ledger


@pytest.fixture
def session(ledger: crm.Ledger) -> Iterator[crm.Session]:
    with ledger.session("admin") as session:
        yield session
