"""Rows as Arrow: pyarrow, pandas, polars and DuckDB take them as they are."""

import datetime as dt
import gc
import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import crm
from conftest import NOON
from crm import codes

COLUMNS = ["code", "list_price", "created_at", "active"]


@pytest.fixture
def products(session: crm.Session) -> crm.Session:
    with session.transaction() as tx:
        for position in range(500):
            tx.product.create(
                code=f"{position:04}", name=f"产品{position}", unit="台", list_price=Decimal(position) / 100
            )
    return session


TOTAL = sum((Decimal(position) / 100 for position in range(500)), Decimal(0))


def test_pyarrow(products: crm.Session) -> None:
    table = pa.table(products.arrow("product", ["code", "list_price", "id", "tax_rate"]))
    assert table.num_rows == 500
    assert table.column_names == ["code", "list_price", "id", "tax_rate"]
    assert pa.types.is_decimal(table.schema.field("list_price").type)
    assert sum(table["list_price"].to_pylist()) == TOTAL
    assert table["code"].to_pylist() == [f"{position:04}" for position in range(500)]
    schema = pa.schema(products.arrow("customer", ["created_at", "tags", "version"]))
    assert schema.field("created_at").type == pa.timestamp("us", "UTC")
    assert schema.field("version").type == pa.int32()


def test_pandas(products: crm.Session) -> None:
    frame = pd.DataFrame.from_arrow(products.arrow("product", ["code", "list_price"]))
    assert frame.shape == (500, 2)
    assert sum(Decimal(str(price)) for price in frame["list_price"]) == TOTAL


def test_polars(products: crm.Session) -> None:
    frame = pl.DataFrame(products.arrow("product", ["code", "list_price"]))
    assert frame.shape == (500, 2)
    assert isinstance(frame.schema["list_price"], pl.Decimal)
    assert frame["list_price"].sum() == TOTAL


def test_duckdb(products: crm.Session) -> None:
    rows = products.arrow("product", ["code", "list_price"])
    connection = duckdb.connect()
    connection.register("products", rows)
    total = "select sum(list_price), count(*) from products"
    assert connection.execute(total).fetchone() == (TOTAL, 500)
    # A stream is taken anew each time.
    assert connection.execute(total).fetchone() == (TOTAL, 500)


def test_filters_orders_and_limits(products: crm.Session) -> None:
    rows = products.arrow(
        "product",
        ["code"],
        filter={"less": ["list_price", Decimal("0.05")]},
        sort=[{"field": "code", "direction": "descending"}],
        limit=3,
    )
    assert pa.table(rows)["code"].to_pylist() == ["0004", "0003", "0002"]
    assert pa.table(rows)["code"].to_pylist() == ["0004", "0003", "0002"]
    none = products.arrow("product", ["code", "list_price"], filter={"equal": ["code", "none"]})
    assert pa.table(none).num_rows == 0


def test_values_of_every_kind(session: crm.Session) -> None:
    customer = session.customer.create(name="a", tags=["x", "y"])
    session.contact.create(customer=customer.id, name="b", birthday=dt.date(1990, 2, 28), primary=True)
    select = ["customer", "birthday", "created_at", "primary", "role", "version", "customer.tags", "email"]
    (row,) = pa.table(session.arrow("contact", select)).to_pylist()
    assert row == {
        "customer": str(customer.id),
        "birthday": dt.date(1990, 2, 28),
        "created_at": NOON,
        "primary": True,
        "role": "other",
        "version": 1,
        "customer.tags": ["x", "y"],
        "email": None,
    }


def test_what_is_wrong_is_told_at_once(session: crm.Session) -> None:
    with pytest.raises(crm.InvalidError) as raised:
        session.arrow("customer", ["nmae"])
    assert raised.value.code == codes.UNKNOWN_FIELD
    with pytest.raises(crm.InvalidError):
        session.arrow("customer", [])
    with pytest.raises(crm.InvalidError):
        session.arrow("nothing", ["id"])  # type: ignore[arg-type]


def test_scope_is_kept(ledger: crm.Ledger, session: crm.Session) -> None:
    role = session.role.create(name="销售", scope="own", levels={"party": "edit"})
    session.user.create(login="wang", name="王芳", roles=[role.id])
    session.customer.create(name="a")
    assert pa.table(ledger.session("wang").arrow("customer", ["name"])).num_rows == 0
    assert pa.table(session.arrow("customer", ["name"])).num_rows == 1
    with pytest.raises(crm.DeniedError):
        ledger.session("wang").arrow("product", ["name"])


def test_a_stream_shows_one_moment_and_outlives_its_session(path: Path) -> None:
    ledger = crm.open(path)
    session = ledger.session("admin")
    for position in range(3):
        session.customer.create(name=f"{position}")
    rows = session.arrow("customer", ["name"])
    reader = pa.RecordBatchReader.from_stream(rows)
    session.customer.create(name="later")
    session.close()
    del session, rows
    gc.collect()
    assert reader.read_all().num_rows == 3
    reader.close()
    ledger.close()


def test_a_capsule_nobody_takes_is_released(session: crm.Session) -> None:
    rows = session.arrow("customer", ["name"])
    for _ in range(100):
        rows.__arrow_c_stream__()
        rows.__arrow_c_schema__()
    session.customer.create(name="a")


LARGE = """
import resource, sys
import crm, pyarrow as pa
ledger = crm.open(sys.argv[1])
session = ledger.session("admin")
scale = 1024 if sys.platform != "darwin" else 1
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale
def read(limit):
    rows = size = 0
    for batch in pa.RecordBatchReader.from_stream(session.arrow("customer", ["name", "note", "id"], limit=limit)):
        rows += batch.num_rows
        size += batch.nbytes
    return rows, size
read(20_000)
before = peak()
rows, size = read(None)
print(rows, size, peak() - before)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not tell the peak in this way")
def test_a_large_read_needs_the_memory_of_a_page(path: Path) -> None:
    with crm.open(path, durability="normal") as ledger:
        session = ledger.session("admin")
        for _ in range(40):
            with session.transaction() as tx:
                for position in range(1500):
                    tx.call("customer.create", {"name": f"客户{position}", "note": "备注" * 200})
    done = subprocess.run(
        [sys.executable, "-c", LARGE, str(path)], capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    rows, size, more = map(int, done.stdout.split())
    assert rows == 60_000
    assert size > 70_000_000
    assert more < 20_000_000, f"{more} bytes more for {size} bytes read"
