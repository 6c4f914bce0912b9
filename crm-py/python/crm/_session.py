"""One user at a ledger."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from crm import _native
from crm._convert import KINDS, from_json, to_json
from crm._errors import InvalidError
from crm._native import ArrowStream
from crm._operations import Operations
from crm._page import Page
from crm.codes import NOT_APPLICABLE

if TYPE_CHECKING:
    from crm._types import Dataset, ExprInput, GroupByInput, MeasureInput, SortByInput

_kinds: dict[tuple[str, str], str] = {}


def _row_kinds(dataset: str, fields: Sequence[str]) -> dict[str, str]:
    """How the values of fields are read; asked of the library once for each field."""
    missing = [field for field in fields if (dataset, field) not in _kinds]
    if missing:
        for field, kind in zip(missing, _native.field_kinds(dataset, missing), strict=True):
            _kinds[dataset, field] = kind
    return {field: _kinds[dataset, field] for field in fields}


def _read_rows(rows: list[dict[str, Any]], kinds: Mapping[str, str]) -> tuple[dict[str, Any], ...]:
    """Rows with their values read, fields in the order asked for."""
    converts = [(name, KINDS.get(kind)) for name, kind in kinds.items()]
    return tuple(
        [
            {
                name: value if convert is None or value is None else convert(value)
                for name, convert in converts
                for value in (row.get(name),)
            }
            for row in rows
        ]
    )


class _Queries(Operations):
    """The operations and the free queries, of sessions and transactions alike."""

    def call(
        self, operation: str, input: Mapping[str, Any] | None = None, *, idempotency_key: str | None = None
    ) -> Any:
        """Runs an operation by name, and returns its answer as it travels: dictionaries, lists and texts.

        Args:
            operation: Its name, such as ``customer.create``.
            input: Its input, with JSON values or decimals, dates, datetimes and UUIDs; decimals must not be numbers of
                JSON, since the library reads exact numbers from texts alone.
            idempotency_key: Names this request: repeated with the same key, the call returns the first result and
                writes nothing.
        """
        return self._perform(operation, {} if input is None else input, idempotency_key)

    def query(
        self,
        dataset: Dataset,
        select: Sequence[str],
        *,
        filter: ExprInput | None = None,
        sort: Sequence[SortByInput] = (),
        limit: int | None = None,
        cursor: str | None = None,
    ) -> Page[dict[str, Any]]:
        """Named columns of a dataset, as dictionaries by field name; for many rows take :meth:`Session.arrow`.

        查询明细 (``query.rows``).

        Args:
            dataset: The dataset.
            select: Field names, or paths along references such as ``customer.name``.
            filter: Which rows; all that you may see when left out.
            sort: Their order; oldest first when left out.
            limit: At most so many, up to 1000; 100 when left out.
            cursor: ``next`` of the page before.
        """
        sent: dict[str, Any] = {"dataset": dataset, "select": select, "filter": filter, "sort": sort}
        sent |= {"limit": limit, "cursor": cursor}
        answer = self._perform("query.rows", sent)
        return Page(_read_rows(answer["items"], _row_kinds(dataset, select)), answer.get("next"))

    def summary(
        self,
        dataset: Dataset,
        *,
        measures: Sequence[MeasureInput],
        group_by: Sequence[GroupByInput] = (),
        filter: ExprInput | None = None,
    ) -> tuple[dict[str, Any], ...]:
        """Figures of a dataset by groups: count, sum, smallest and largest; sums are exact.

        汇总查询 (``query.summary``).

        Args:
            dataset: The dataset.
            measures: What is computed: ``{"count": "rows"}``, ``{"sum": "amount"}`` (as ``sum_amount``), ``min``, ``max``.
            group_by: What rows are grouped by, such as ``{"field": "due_date", "period": "month"}``; one group when left
                out.
            filter: Which rows; all that you may see when left out.
        """
        sent = {"dataset": dataset, "measures": measures, "group_by": group_by, "filter": filter}
        rows = self._perform("query.summary", sent)
        fields = {group["field"]: group["field"] for group in group_by}
        kinds: dict[str, str] = {}
        for measure in measures:
            for figure, field in measure.items():
                if figure == "count":
                    kinds[str(field)] = "int64"
                else:
                    fields[f"{figure}_{field}"] = str(field)
        known = _row_kinds(dataset, list(dict.fromkeys(fields.values())))
        columns = {name: known[field] for name, field in fields.items()}
        # A sum of small numbers is a large one.
        columns = {
            name: "int64" if name not in known and name.startswith("sum_") and kind == "json" else kind
            for name, kind in columns.items()
        }
        return _read_rows(rows, columns | kinds)


class Session(_Queries):
    """One user at a ledger; made by :meth:`crm.Ledger.session`.

    Every operation of the library is a method of a group: ``session.customer.create(...)``. A session may be used from
    several threads at once, and is closed by ``with`` or :meth:`close`.
    """

    def __init__(self, native: _native.Session, login: str) -> None:
        self._native = native
        self._login = login

    @property
    def login(self) -> str:
        """The user's login."""
        return self._login

    def _perform(self, operation: str, sent: Any, idempotency_key: str | None = None) -> Any:
        return from_json(self._native.call(operation, to_json(sent), idempotency_key))

    def call_json(self, operation: str, input: str = "{}", *, idempotency_key: str | None = None) -> str:
        """Runs an operation by name, JSON text in and JSON text out, both as they travel."""
        return self._native.call(operation, input, idempotency_key)

    def arrow(
        self,
        dataset: Dataset,
        select: Sequence[str],
        *,
        filter: ExprInput | None = None,
        sort: Sequence[SortByInput] = (),
        limit: int | None = None,
    ) -> ArrowStream:
        """Named columns of a dataset as an Arrow stream, in bounded memory: for pandas, polars, pyarrow and DuckDB.

        ``polars.DataFrame(session.arrow("customer", ["name", "level"]))``

        Args:
            dataset: The dataset.
            select: Field names, or paths along references such as ``customer.name``.
            filter: Which rows; all that you may see when left out.
            sort: Their order; oldest first when left out.
            limit: At most so many; all when left out.
        """
        sent = {"dataset": dataset, "select": select, "filter": filter, "sort": sort, "limit": limit}
        return self._native.arrow(to_json(sent))

    def transaction(self) -> Transaction:
        """Begins a transaction: several operations kept together or not at all.

        ``with session.transaction() as tx: tx.customer.create(...)`` keeps everything when the block ends, and nothing
        when it raises. Other writers of the ledger wait meanwhile, so keep it short.
        """
        return Transaction(self._native.transaction())

    def cancel(self) -> None:
        """Makes the calls that are running in this session end soon with :class:`crm.CancelledError`; from any thread."""
        self._native.cancel()

    def close(self) -> None:
        """Closes the session; a second time does nothing."""
        self._native.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False

    def __repr__(self) -> str:
        return f"<crm.Session {self._login!r}>"


class Transaction(_Queries):
    """Several operations kept together or not at all; made by :meth:`Session.transaction`.

    It has the same methods as the session. An operation that fails is undone alone; catch its error to go on. Calls from
    several threads wait for each other. Idempotency keys belong to whole units of work, and are refused here.
    """

    def __init__(self, native: _native.Transaction) -> None:
        self._native = native

    def _perform(self, operation: str, sent: Any, idempotency_key: str | None = None) -> Any:
        if idempotency_key is not None:
            reason = "a transaction is one unit of work"
            message = f"This field does not apply here: {reason}."
            raise InvalidError(
                message, NOT_APPLICABLE, "not_applicable", "idempotency_key", {"reason": reason}
            )
        return from_json(self._native.call(operation, to_json(sent)))

    def commit(self) -> None:
        """Keeps everything; the transaction ends."""
        self._native.commit()

    def rollback(self) -> None:
        """Undoes everything; the transaction ends. After its end this does nothing."""
        self._native.rollback()

    def __enter__(self) -> Transaction:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> Literal[False]:
        if kind is None:
            self.commit()
        else:
            self.rollback()
        return False
