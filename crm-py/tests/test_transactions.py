"""Several operations kept together or not at all."""

import pytest

import crm
from crm import codes


class Boom(Exception):
    pass


def test_what_ends_well_is_kept(session: crm.Session) -> None:
    with session.transaction() as tx:
        customer = tx.customer.create(name="a")
        contact = tx.contact.create(customer=customer.id, name="b")
        assert list(tx.contact.list()) == [contact]
        assert list(tx.query("contact", ["customer_name"])) == [{"customer_name": "a"}]
        # Others do not see it yet.
        assert len(session.customer.list()) == 0
    assert session.contact.get(contact.id) == contact


def test_what_raises_is_undone(session: crm.Session) -> None:
    tx = session.transaction()

    def work() -> None:
        with tx:
            tx.customer.create(name="a")
            raise Boom

    with pytest.raises(Boom):
        work()
    assert len(session.customer.list()) == 0
    with pytest.raises(crm.InvalidError) as raised:
        tx.customer.list()
    assert raised.value.code == codes.CLOSED
    # Nothing holds the ledger: the next writer gets in.
    assert session.customer.create(name="b").version == 1


def test_an_operation_that_fails_is_undone_alone(session: crm.Session) -> None:
    with session.transaction() as tx:
        tx.customer.create(name="a")
        with pytest.raises(crm.InvalidError):
            tx.customer.create(name="")
        tx.customer.create(name="b")
    assert [customer.name for customer in session.customer.list()] == ["a", "b"]


def test_a_transaction_ends_once(session: crm.Session) -> None:
    tx = session.transaction()
    tx.customer.create(name="a")
    tx.commit()
    tx.rollback()
    with pytest.raises(crm.InvalidError) as raised:
        tx.commit()
    assert raised.value.code == codes.CLOSED
    assert len(session.customer.list()) == 1


def test_one_left_open_is_undone_when_it_is_gone(session: crm.Session) -> None:
    tx = session.transaction()
    tx.customer.create(name="a")
    del tx
    assert len(session.customer.list()) == 0
    session.customer.create(name="b")


def test_keys_are_for_whole_units_of_work(session: crm.Session) -> None:
    with session.transaction() as tx, pytest.raises(crm.InvalidError) as raised:
        tx.customer.create(name="a", idempotency_key="x")
    assert (raised.value.code, raised.value.field) == (codes.NOT_APPLICABLE, "idempotency_key")
