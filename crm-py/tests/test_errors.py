"""Exceptions: their classes, what they carry, how they travel."""

import copy
import pickle

import pytest

import crm
from crm import codes

CLASSES = [
    crm.InvalidError,
    crm.NotFoundError,
    crm.ConflictError,
    crm.StateError,
    crm.DeniedError,
    crm.RetryError,
    crm.CancelledError,
    crm.StorageError,
    crm.InternalError,
]


def test_an_error_carries_what_it_says(session: crm.Session) -> None:
    taken = "91350100M000100Y43"
    session.customer.create(name="a", credit_code=taken)
    with pytest.raises(crm.ConflictError) as raised:
        session.customer.create(name="b", credit_code=taken)
    error = raised.value
    assert error.code == codes.CREDIT_CODE_TAKEN
    assert error.name == "credit_code_taken"
    assert error.field == "credit_code"
    assert error.details["value"] == taken
    assert error.message == f"Another customer has the credit code {taken}."
    assert str(error) == f"{error.message} (credit_code)"
    assert "credit_code_taken" in repr(error)


@pytest.mark.parametrize("kind", CLASSES)
def test_errors_pickle_and_copy(kind: type[crm.Error]) -> None:
    error = kind("text", 1234, "a_name", "a.field", {"value": "1"})
    for other in (pickle.loads(pickle.dumps(error)), copy.deepcopy(error)):
        assert type(other) is kind
        assert isinstance(other, crm.Error)
        assert (other.message, other.code, other.name, other.field, other.details) == (
            "text",
            1234,
            "a_name",
            "a.field",
            {"value": "1"},
        )
        assert str(other) == str(error)


def test_each_kind_has_its_class(session: crm.Session) -> None:
    customer = session.customer.create(name="a")
    with pytest.raises(crm.NotFoundError) as missing:
        session.contract.get(customer.id)
    assert isinstance(missing.value, LookupError)
    assert missing.value.code == codes.NOT_FOUND
    with pytest.raises(crm.InvalidError) as foreign:
        session.customer.get("01890000-0000-7000-8000-000000000000")
    assert foreign.value.code == codes.NOT_AN_ID
    with pytest.raises(crm.ConflictError) as stale:
        session.customer.update(customer.id, version=7, data={"name": "b"})
    assert stale.value.code == codes.STALE_VERSION
    administrator = session.user.list()[0]
    with pytest.raises(crm.StateError) as last:
        session.user.update(
            administrator.id, version=administrator.version, name="admin", roles=(), active=False
        )
    assert last.value.code == codes.LAST_ADMINISTRATOR


def test_scope_is_kept(ledger: crm.Ledger, session: crm.Session) -> None:
    role = session.role.create(name="销售", scope="own", levels={"party": "edit"})
    session.user.create(login="wang", name="王芳", roles=[role.id])
    foreign = session.customer.create(name="a")
    wang = ledger.session("wang")
    with pytest.raises(crm.NotFoundError):
        wang.customer.get(foreign.id)
    with pytest.raises(crm.DeniedError) as denied:
        wang.user.create(login="li", name="李", roles=[])
    assert denied.value.code == codes.DENIED
    assert len(wang.customer.list()) == 0
