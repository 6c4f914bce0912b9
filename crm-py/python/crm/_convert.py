"""How single values become JSON and back.

The library judges, not this module: what is of a wrong type is passed on as it is, and the library refuses it with its
own code, the path of the field and a message in the user's language. Two things are done here. What has no JSON form is
written as the text the library reads (decimals, dates, ids, bytes), and whole numbers become texts where an exact number is
meant. A float stays a JSON number and is refused there.
"""

import dataclasses
import datetime as dt
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from decimal import Decimal
from operator import index
from typing import Any, TypeAlias
from uuid import UUID

from crm._errors import InvalidError
from crm.codes import MALFORMED_JSON, WRONG_TYPE

Convert: TypeAlias = Callable[[Any], Any]
Table: TypeAlias = dict[str, Convert]

date = dt.date.fromisoformat
instant = dt.datetime.fromisoformat


def number(value: Any) -> Any:
    """Writes a whole number as text; leaves everything else to the encoder."""
    if value.__class__ is int:
        return str(value)
    if value is None or isinstance(value, (bool, float, str, Decimal)):
        return value
    try:
        # Whole numbers of other libraries, such as numpy.
        return str(index(value))
    except TypeError:
        return value


def same(value: Any) -> Any:
    """Leaves a value as it is."""
    return value


def each(convert: Convert) -> Convert:
    """Writes every entry of a list."""

    def write(values: Any) -> Any:
        if values is None or isinstance(values, (str, bytes, Mapping)):
            return values
        return [convert(value) for value in values]

    return write


def each_of(*converts: Convert) -> Convert:
    """Writes entries of different types."""

    def write(values: Any) -> Any:
        if not isinstance(values, (list, tuple)) or len(values) != len(converts):
            return values
        return [convert(value) for convert, value in zip(converts, values, strict=True)]

    return write


def each_value(convert: Convert) -> Convert:
    """Writes every value of a mapping."""

    def write(values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        return {name: convert(value) for name, value in values.items()}

    return write


def fields(value: Any, table: Table) -> Any:
    """Writes the fields of a dictionary that need it. A result given back has nothing that does."""
    if not isinstance(value, Mapping):
        return value
    out = dict(value)
    for name, convert in table.items():
        if name in out:
            out[name] = convert(out[name])
    return out


def tagged(value: Any, tag: str, table: Table) -> Any:
    """Writes a dictionary that says in one field which case it is."""
    convert = table.get(value[tag]) if isinstance(value, Mapping) and tag in value else None
    return value if convert is None else convert(value)


def _plain(value: Any) -> Any:
    """The JSON form of what has none of its own."""
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, dt.datetime):
        # Without a time zone it says no moment; the library refuses its text.
        return (value if value.tzinfo is None else value.astimezone(dt.UTC)).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return b64encode(value).decode("ascii")
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, (set, frozenset)):
        return sorted(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        # A result given back; keywords have an underscore behind.
        return {
            field.name.removesuffix("_"): getattr(value, field.name) for field in dataclasses.fields(value)
        }
    if hasattr(value, "__index__"):
        return index(value)
    if hasattr(value, "__iter__"):
        return list(value)
    raise TypeError(f"a {type(value).__name__} has no JSON form")


_encoder = json.JSONEncoder(allow_nan=False, default=_plain, separators=(",", ":"))
_decoder = json.JSONDecoder(parse_float=Decimal)


def to_json(value: Any) -> str:
    """The request as JSON text."""
    try:
        return _encoder.encode(value)
    except TypeError as failed:
        reason = str(failed)
        message = f"The value has the wrong type or form: {reason}."
        raise InvalidError(message, WRONG_TYPE, "wrong_type", None, {"reason": reason}) from None
    except (ValueError, RecursionError) as failed:
        reason = str(failed)
        message = f"The request is not valid JSON: {reason}."
        raise InvalidError(message, MALFORMED_JSON, "malformed_json", None, {"reason": reason}) from None


def from_json(text: str) -> Any:
    """The answer; numbers with a fraction would be exact."""
    return _decoder.decode(text)


KINDS: dict[str, Convert] = {
    "uuid": UUID,
    "int64": int,
    "decimal": Decimal,
    "date": date,
    "date-time": instant,
    "bytes": bytes.fromhex,
    "tags": tuple,
}
"""How the values of a dataset's field are read; what is not here stays as it is."""
