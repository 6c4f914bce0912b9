"""An embeddable CRM and contract-management library.

>>> import crm
>>> with crm.open("company.crm") as ledger, ledger.session("admin") as session:
...     customer = session.customer.create(name="杭州云栖仪器有限公司", level="B")
...     page = session.customer.list(filter={"equal": ["level", "B"]})

A *ledger* is one company's books, a *session* one user at them; every operation of the library is a method of a group of
the session. Money is :class:`decimal.Decimal`, never a float; what goes wrong is a subclass of :class:`Error`.

* :mod:`crm.types`: what operations take and return.
* :mod:`crm.codes`: the stable error codes.
"""

from crm import codes, types
from crm._errors import (
    CancelledError,
    ConflictError,
    DeniedError,
    Error,
    InternalError,
    InvalidError,
    NotFoundError,
    RetryError,
    StateError,
    StorageError,
)
from crm._ledger import Ledger, open
from crm._native import ArrowStream, __version__
from crm._page import Page
from crm._session import Session, Transaction
from crm._transfer import Moved, import_ledger

__all__ = [
    "ArrowStream",
    "CancelledError",
    "ConflictError",
    "DeniedError",
    "Error",
    "InternalError",
    "InvalidError",
    "Ledger",
    "Moved",
    "NotFoundError",
    "Page",
    "RetryError",
    "Session",
    "StateError",
    "StorageError",
    "Transaction",
    "__version__",
    "codes",
    "import_ledger",
    "open",
    "types",
]
