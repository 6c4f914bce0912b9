"""A new ledger for each test, its clock standing at one moment."""

import datetime as dt
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import crm

NOON = dt.datetime(2026, 3, 2, 1, 0, tzinfo=dt.UTC)


ENGINES = ["sqlite", "postgres"]
_schemas = itertools.count()


def server_url() -> str:
    """Where a ledger can be made on the server of the tests; the test fails when there is none."""
    server = os.environ.get("CRM_POSTGRES_URL")
    assert server, "CRM_POSTGRES_URL names no server: `cargo xtask test python` starts one for these tests"
    return f"{server}?schema=python_{os.getpid()}_{next(_schemas)}"


@pytest.fixture(params=ENGINES)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A place where there is no ledger yet, on each engine."""
    return str(tmp_path / "test.crm") if request.param == "sqlite" else server_url()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Says how many scenarios go as told on each engine."""
    outcomes = {name: terminalreporter.stats.get(name, []) for name in ("passed", "failed", "error")}
    for engine in ENGINES:
        counts = {
            name: sum(f"test_scenario[{engine}-" in report.nodeid for report in reports)
            for name, reports in outcomes.items()
        }
        if any(counts.values()):
            total = sum(counts.values())
            terminalreporter.write_line(f"Python on {engine}: {counts['passed']} of {total} scenarios go as told")


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
