"""One company's books."""

from __future__ import annotations

import datetime as dt
import os
from collections.abc import Mapping
from decimal import Decimal
from types import TracebackType
from typing import Literal

from crm import _native
from crm._convert import _plain, from_json, to_json
from crm._locale import Locale
from crm._session import Session
from crm._transfer import Moved, Progress, _moved
from crm._types import LedgerInfo
from crm._wire import read_ledger_info


class Ledger:
    """One company's books, open; made by :func:`crm.open`, closed by ``with`` or :meth:`close`.

    May be used from several threads. Closing it closes its sessions and undoes their open transactions.
    """

    def __init__(self, native: _native.Ledger) -> None:
        self._native = native

    def session(self, login: str, locale: Locale | None = None) -> Session:
        """A session for the user with this login. Whether your program may speak for that user is yours to know.

        Args:
            login: The user's login.
            locale: Language of error messages; the ledger's when left out.

        Raises:
            DeniedError: ``unknown_user``.
        """
        return Session(self._native.session(login, locale), login)

    @property
    def info(self) -> LedgerInfo:
        """Name, currency and time zone."""
        return read_ledger_info(from_json(self._native.info()))

    @property
    def engine(self) -> str:
        """The name of the storage engine, such as ``sqlite``."""
        return self._native.engine()

    def set_clock(self, now: dt.datetime) -> None:
        """Sets the clock of a ledger that was opened with one.

        Raises:
            InvalidError: ``clock_not_manual``.
        """
        self._native.set_clock(str(_plain(now)))

    def export(self, path: str | os.PathLike[str], progress: Progress | None = None) -> Moved:
        """Writes everything that the ledger holds, of one moment, into a file for :func:`crm.import_ledger`.

        Others may go on writing meanwhile. The file has its name only when it is whole; an older one of that name is
        replaced then. Who may do this is yours to decide: the file holds everything.

        Args:
            path: The file.
            progress: Told how far it has come.

        Raises:
            StorageError: ``stream_broken_off``.
        """
        return _moved(self._native.export(os.fspath(path), progress))

    def close(self) -> None:
        """Closes the ledger and everything opened from it, after the calls that are running; twice does nothing."""
        self._native.close()

    def __enter__(self) -> Ledger:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, raised: BaseException | None, at: TracebackType | None
    ) -> Literal[False]:
        self.close()
        return False


def open(
    url: str | os.PathLike[str],
    *,
    create: bool = True,
    read_only: bool = False,
    busy_timeout_ms: int = 10_000,
    durability: Literal["full", "normal"] = "full",
    clock: dt.datetime | None = None,
    old_rates: Mapping[str, Decimal] | None = None,
    name: str = "",
    currency: str = "CNY",
    utc_offset_minutes: int = 480,
    admin: str = "admin",
    locale: Locale = "en",
) -> Ledger:
    """Opens a ledger.

    Args:
        url: A path such as ``company.crm``, or ``sqlite:`` and a path, or a schema of a PostgreSQL database as
            ``postgres://user:password@host/database?schema=company``.
        create: Create the ledger when there is none.
        read_only: Open for reading alone.
        busy_timeout_ms: How long a writer waits for others, in milliseconds.
        durability: When a call counts as saved: ``full`` survives a power cut, ``normal`` a crash of the program.
        clock: A clock that stands until :meth:`Ledger.set_clock` moves it, and ids that repeat: for tests and replays.
            The machine's when left out.
        old_rates: For a ledger from before exchange rates were kept (schema version 1): what one unit of each currency that
            it has amounts in, beside its own, was worth in its own, as ``{"USD": Decimal("7.1")}``.
        name: For a new ledger: the company's name.
        currency: For a new ledger: the currency of totals.
        utc_offset_minutes: For a new ledger: offset of business dates from UTC in minutes.
        admin: For a new ledger: login of the first user, who may do everything.
        locale: Language of error messages, ``en`` or ``zh``.

    Raises:
        StorageError: ``cannot_open``, ``not_a_ledger``, ``ledger_newer``, ``read_only``.
        InvalidError: An option is wrong; ``field`` names it. ``old_rates_needed``.
    """
    options = {
        "create": create,
        "read_only": read_only,
        "busy_timeout_ms": busy_timeout_ms,
        "durability": durability,
        "clock": "system" if clock is None else {"manual": clock},
        "old_rates": dict(old_rates or {}),
        "name": name,
        "currency": currency,
        "utc_offset_minutes": utc_offset_minutes,
        "admin": admin,
    }
    return Ledger(_native.open(os.fspath(url), to_json(options), locale))
