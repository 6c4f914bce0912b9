"""Moving a ledger from one place to another."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal, TypeAlias

from crm import _native
from crm._convert import from_json, to_json
from crm._locale import Locale

Progress: TypeAlias = Callable[[str, int, int], object]
"""Told from time to time how far a move has come: the table at work, rows moved so far, rows to move. What it raises ends
the move, and nothing has been moved then."""


@dataclass(frozen=True)
class Moved:
    """What was moved."""

    rows: int
    """Rows, of all tables."""
    series: int
    """Number series."""
    sha256: str
    """Hash of the whole; equal for equal ledgers."""
    tables: dict[str, int]
    """Rows of each table."""


def _moved(answer: str) -> Moved:
    told = from_json(answer)
    tables = {table["name"]: int(table["rows"]) for table in told["tables"]}
    return Moved(int(told["rows"]), int(told["series"]), told["sha256"], tables)


def import_ledger(
    path: str | os.PathLike[str],
    url: str | os.PathLike[str],
    *,
    busy_timeout_ms: int = 10_000,
    durability: Literal["full", "normal"] = "full",
    old_rates: Mapping[str, Decimal] | None = None,
    locale: Locale = "en",
    progress: Progress | None = None,
) -> Moved:
    """Reads a file that :meth:`Ledger.export` wrote into a new ledger at ``url``, of any engine.

    Everything is checked before any of it is kept: when this fails, or is broken off, there is still no ledger at ``url``,
    and the same call can be made again.

    Args:
        path: The file.
        url: Where the ledger goes, as in :func:`crm.open`; there must be nothing yet.
        busy_timeout_ms: How long a writer waits for others, in milliseconds.
        durability: When the ledger counts as saved, as in :func:`crm.open`.
        old_rates: For a file of schema version 1, as in :func:`crm.open`.
        locale: Language of error messages, ``en`` or ``zh``.
        progress: Told how far it has come.

    Raises:
        ConflictError: ``target_not_empty``.
        InvalidError: ``old_rates_needed``.
        StorageError: ``stream_damaged``, ``stream_broken_off``, ``ledger_newer``, ``cannot_open``.
    """
    options = to_json(
        {"busy_timeout_ms": busy_timeout_ms, "durability": durability, "old_rates": dict(old_rates or {})}
    )
    return _moved(_native.import_ledger(os.fspath(path), os.fspath(url), options, locale, progress))
