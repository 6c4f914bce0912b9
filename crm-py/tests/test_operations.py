"""Typed methods: what goes in, what comes out, and what is refused."""

import dataclasses
import datetime as dt
import decimal
import pickle
import uuid
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

import crm
from conftest import NOON
from crm import codes, types


def product(session: crm.Session, **more: Any) -> types.Product:
    return session.product.create(code="P-1", name="光谱仪", unit="台", **more)


def contract(session: crm.Session, **more: Any) -> types.Contract:
    customer = session.customer.create(name="杭州云栖仪器有限公司")
    return session.contract.create(title="销售合同", customer=customer.id, **more)


def test_results_are_values_of_python(session: crm.Session) -> None:
    customer = session.customer.create(name="杭州云栖仪器有限公司", level="B", tags=["展会"])
    assert isinstance(customer, types.Customer)
    assert isinstance(customer.id, uuid.UUID)
    assert customer.created_at == NOON
    assert customer.created_at.tzinfo is dt.UTC
    assert (customer.level, customer.tags, customer.region, customer.version) == ("B", ("展会",), None, 1)
    with pytest.raises(dataclasses.FrozenInstanceError):
        customer.name = "x"  # type: ignore[misc]
    assert not hasattr(customer, "__dict__")
    assert session.customer.get(customer.id) == customer
    assert session.customer.get(str(customer.id)) == customer
    assert hash(session.customer.get(customer.id)) == hash(customer)
    assert pickle.loads(pickle.dumps(customer)) == customer
    contact = session.contact.create(customer=customer.id, name="李敏", birthday=dt.date(1990, 2, 28))
    assert contact.birthday == dt.date(1990, 2, 28)
    assert session.ledger.working_day(date=dt.date(2026, 9, 30), count=1) == dt.date(2026, 10, 8)
    assert session.audit.verify() > 0


def test_lists_come_in_pages(session: crm.Session) -> None:
    made = [session.customer.create(name=f"客户{position}") for position in range(7)]
    page = session.customer.list(limit=3)
    assert isinstance(page, crm.Page)
    assert (list(page), len(page), page[0], page[1:]) == (made[:3], 3, made[0], tuple(made[1:3]))
    second = session.customer.list(limit=3, cursor=page.next)
    assert list(second.items) == made[3:6]
    assert session.customer.list(limit=3, cursor=second.next).next is None
    assert list(session.customer.iterate(limit=2)) == made
    assert pickle.loads(pickle.dumps(page)) == page
    newest = session.customer.list(sort=[{"field": "name", "direction": "descending"}], limit=1)
    assert newest[0].name == "客户6"
    # A list inside a request pages in the same way.
    entries = list(session.audit.iterate(list={"limit": 2}))
    assert [entry.seq for entry in entries] == [entry.seq for entry in session.audit.list().items]


def test_filters_take_values_of_python(session: crm.Session) -> None:
    customer = session.customer.create(name="a")
    contact = session.contact.create(customer=customer.id, name="b", birthday=dt.date(1990, 2, 28))
    found = session.contact.list(
        filter={
            "and": [
                {"equal": ["customer", customer.id]},
                {"at_most": ["birthday", dt.date(1990, 2, 28)]},
                {"at_least": ["created_at", NOON]},
            ]
        }
    )
    assert list(found) == [contact]
    listed = product(session, list_price=Decimal("120000.50"))
    assert list(session.product.list(filter={"at_least": ["list_price", Decimal("120000.5")]})) == [listed]


@pytest.mark.parametrize(
    ("price", "kept"),
    [
        (Decimal("1234.50"), Decimal("1234.50")),
        (Decimal("1E+3"), Decimal(1000)),
        ("0.10", Decimal("0.10")),
        (1200, Decimal(1200)),
        (np.int64(1200), Decimal(1200)),
        (10**12, Decimal(10**12)),
    ],
)
def test_exact_numbers_are_taken(session: crm.Session, price: Any, kept: Decimal) -> None:
    found = product(session, list_price=price).list_price
    assert isinstance(found, Decimal)
    assert found == kept


@pytest.mark.parametrize(
    "price",
    [1.5, 1.0, True, np.float64(1.5), Decimal("NaN"), Decimal("Infinity"), "1,200", "", b"1", [1], 1j],
)
def test_what_is_not_exact_is_refused(session: crm.Session, price: Any) -> None:
    with pytest.raises(crm.InvalidError) as raised:
        product(session, list_price=price)
    assert isinstance(raised.value, ValueError)
    if not isinstance(price, complex):
        assert (raised.value.field, raised.value.name) in [
            ("list_price", "not_a_decimal"),
            ("list_price", "wrong_type"),
        ]
    assert len(session.product.list()) == 0


def test_the_field_at_fault_is_named_however_deep(session: crm.Session) -> None:
    with pytest.raises(crm.InvalidError) as raised:
        contract(session, amount=100, terms=[{"share": {"rate": 1.0}, "anchor": "signed"}])
    assert (raised.value.name, raised.value.field) == ("not_a_decimal", "terms[0].share.rate")
    with pytest.raises(crm.InvalidError) as raised:
        contract(session, lines=[{"description": "x", "quantity": 1, "unit_price": True}])
    assert raised.value.field == "lines[0].unit_price"


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_numbers_that_json_does_not_know_are_refused(session: crm.Session, number: float) -> None:
    with pytest.raises(crm.InvalidError) as raised:
        session.product.create(code="x", name="x", unit="x", list_price=number)  # type: ignore[arg-type]
    assert raised.value.code == codes.MALFORMED_JSON


@pytest.mark.parametrize("day", [dt.datetime(2026, 1, 1, tzinfo=dt.UTC), "1.1.2026", 20260101, True])
def test_what_is_not_a_day_is_refused(session: crm.Session, day: Any) -> None:
    with pytest.raises(crm.InvalidError) as raised:
        session.ledger.working_day(date=day, count=1)
    assert raised.value.field == "date"


def test_whole_numbers_are_whole(session: crm.Session) -> None:
    for count in (1.0, True, Decimal(1), "1"):
        with pytest.raises(crm.InvalidError) as raised:
            session.ledger.working_day(date=dt.date(2026, 3, 2), count=count)  # type: ignore[arg-type]
        assert raised.value.field == "count"


def test_strange_inputs_are_errors_and_nothing_worse(session: crm.Session) -> None:
    circular: list[Any] = []
    circular.append(circular)
    deep: Any = {}
    for _ in range(100_000):
        deep = {"not": deep}
    for strange in (object(), circular, deep, "\ud800", {1: {2: object()}}, print, types.Customer):
        with pytest.raises(crm.InvalidError):
            session.customer.list(filter=strange)
        with pytest.raises(crm.InvalidError):
            session.customer.create(name=strange)
    with pytest.raises(crm.InvalidError):
        session.customer.create(name="a", tags="not a list")
    with pytest.raises(TypeError):
        session.customer.create(nam="a")  # type: ignore[call-arg]


def test_a_story_of_a_contract(session: crm.Session) -> None:
    made = contract(
        session,
        lines=[
            {
                "description": "光谱仪",
                "unit": "台",
                "quantity": 3,
                "unit_price": Decimal("100.10"),
                "tax_rate": "0.13",
            }
        ],
        terms=[
            {"share": {"rate": Decimal("0.3")}, "anchor": "signed"},
            {"share": "balance", "anchor": {"date": dt.date(2026, 6, 30)}, "offset": {"days": 30}},
        ],
    )
    assert made.amount == Decimal("300.30")
    details = session.contract.get(made.id)
    assert details.contract == made
    assert sum((line.gross for line in details.lines), Decimal(0)) == made.amount
    assert sum((part.amount for part in details.installments), Decimal(0)) == made.amount
    assert pickle.loads(pickle.dumps(details)) == details


def test_a_result_may_be_given_back(session: crm.Session) -> None:
    first = session.contract.get(
        contract(session, amount=100, terms=[{"share": {"rate": "1"}, "anchor": "signed"}]).id
    )
    term = types.PaymentTermInput(share={"amount": Decimal(100)}, anchor="effective")
    second = contract(session, amount=Decimal(100), terms=[term], parties=first.contract.parties)
    assert second.parties == first.contract.parties


def test_every_call_by_name_is_plain(session: crm.Session) -> None:
    made = session.call(
        "product.create", {"code": "1", "name": "x", "unit": "x", "list_price": Decimal("1.50")}
    )
    assert made["list_price"] == "1.5"
    assert session.call("ledger.get")["currency"] == "CNY"
    assert session.call_json("ledger.working_day", '{"date": "2026-09-30", "count": 1}') == '"2026-10-08"'
    with pytest.raises(crm.InvalidError) as raised:
        session.call("customer.creat", {})
    assert raised.value.code == codes.UNKNOWN_OPERATION
    with pytest.raises(crm.InvalidError) as raised:
        session.call_json("customer.create", "{")
    assert raised.value.code == codes.MALFORMED_JSON


def test_a_repeated_request_writes_once(session: crm.Session) -> None:
    first = session.customer.create(name="a", idempotency_key="order-1")
    assert session.customer.create(name="a", idempotency_key="order-1") == first
    assert len(session.customer.list()) == 1
    with pytest.raises(crm.ConflictError) as raised:
        session.customer.create(name="b", idempotency_key="order-1")
    assert raised.value.code == codes.KEY_REUSED


def test_rows_and_figures(session: crm.Session) -> None:
    for region, price in (("杭州", "10.10"), ("杭州", "20.20"), ("上海", "0.01")):
        session.product.create(code=f"{region}{price}", name=region, unit="台", list_price=Decimal(price))
    session.customer.create(name="a", tags=["x", "y"])
    page = session.query("product", ["name", "list_price", "id"], sort=[{"field": "code"}], limit=2)
    assert [list(row) for row in page] == [["name", "list_price", "id"]] * 2
    assert page[0]["list_price"] == Decimal("0.01")
    assert isinstance(page[0]["id"], uuid.UUID)
    assert page.next is not None
    (row,) = session.query("customer", ["tags", "created_at", "owner.login", "level"])
    assert row == {"tags": ("x", "y"), "created_at": NOON, "owner.login": "admin", "level": None}
    figures = session.summary(
        "product",
        group_by=[{"field": "name"}],
        measures=[{"count": "products"}, {"sum": "list_price"}, {"max": "list_price"}],
    )
    assert figures == (
        {"name": "上海", "products": 1, "sum_list_price": Decimal("0.01"), "max_list_price": Decimal("0.01")},
        {
            "name": "杭州",
            "products": 2,
            "sum_list_price": Decimal("30.30"),
            "max_list_price": Decimal("20.20"),
        },
    )
    (versions,) = session.summary("customer", measures=[{"sum": "version"}, {"min": "version"}])
    assert versions == {"sum_version": 1, "min_version": 1}
    with pytest.raises(crm.InvalidError) as raised:
        session.query("customer", ["nmae"])
    assert raised.value.code == codes.UNKNOWN_FIELD


def test_decimals_do_not_depend_on_the_context(session: crm.Session) -> None:
    with decimal.localcontext(prec=2):
        assert product(session, list_price=Decimal("123456.7891")).list_price == Decimal("123456.7891")


def test_files_are_bytes(session: crm.Session) -> None:
    file = "编号,名称,级别\nC01,杭州云栖仪器有限公司,重要\n".encode("gbk")
    preview = session.import_.preview(kind="customer", content={"base64": file})
    assert preview.header == ("编号", "名称", "级别")
    report = session.import_.run(
        kind="customer",
        content={"base64": file},
        system="u8",
        key="编号",
        mapping=[{"column": "名称", "field": "name"}, {"field": "owner", "default": "admin"}],
    )
    assert (report.created, report.failed) == (1, 0)
    (customer,) = session.customer.list()
    assert customer.name == "杭州云栖仪器有限公司"
