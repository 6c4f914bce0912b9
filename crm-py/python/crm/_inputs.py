"""What a caller may write where the library wants an exact number, a date, an instant or an id."""

import datetime as dt
from decimal import Decimal
from typing import TypeAlias
from uuid import UUID

DecimalLike: TypeAlias = Decimal | int | str
"""An exact number: a decimal, a whole number, or its text. Floats are refused, since they are not exact."""

DateLike: TypeAlias = dt.date | str
"""A day: a date (not a datetime), or its text such as ``2026-03-31``."""

InstantLike: TypeAlias = dt.datetime | str
"""A moment: a datetime that knows its time zone, or its text such as ``2026-03-01T08:00:00Z``."""

IdLike: TypeAlias = UUID | str
"""An id of this ledger, or its text."""
