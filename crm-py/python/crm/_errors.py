"""What goes wrong, by what a caller can do about it.

The classes are made here and not in the native module, so that they pickle and can be subclassed and documented.
"""

from typing import Any


class Error(Exception):
    """Something went wrong; nothing was written, except that after ``outcome_unknown`` everything may have been. The text
    of the exception is the message for a person."""

    code: int
    """Stable number; see :mod:`crm.codes`."""

    name: str
    """Stable name, such as ``not_found``."""

    message: str
    """What to tell a person, in the language of the session."""

    field: str | None
    """Path of the field at fault, such as ``terms[2].share``."""

    details: dict[str, str]
    """The values that the message mentions, and others that help."""

    def __init__(
        self,
        message: str = "",
        code: int = 0,
        name: str = "",
        field: str | None = None,
        details: dict[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.name = name
        self.field = field
        self.details = details or {}

    def __str__(self) -> str:
        return self.message if self.field is None else f"{self.message} ({self.field})"

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.message!r}, code={self.code}, name={self.name!r}, field={self.field!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.message, self.code, self.name, self.field, self.details)


class InvalidError(Error, ValueError):
    """The request itself is wrong; ``field`` says where. Correct it."""


class NotFoundError(Error, LookupError):
    """What the request names does not exist, or is outside the user's scope."""


class ConflictError(Error):
    """The request collides with what is stored: a duplicate, a stale version. Read again."""


class StateError(Error):
    """The record is in a state that does not allow this."""


class DeniedError(Error):
    """The user lacks a permission."""


class RetryError(Error):
    """Passing trouble: the same call may succeed later."""


class CancelledError(Error):
    """The call was cancelled."""


class StorageError(Error):
    """The ledger cannot be used: not a ledger, read-only, of a newer version, disk full."""


class InternalError(Error):
    """A defect of the library; please report it."""


_CLASSES: dict[str, type[Error]] = {
    "invalid": InvalidError,
    "not_found": NotFoundError,
    "conflict": ConflictError,
    "state": StateError,
    "denied": DeniedError,
    "retry": RetryError,
    "cancelled": CancelledError,
    "storage": StorageError,
    "internal": InternalError,
}


def _from_wire(
    kind: str, message: str, code: int, name: str, field: str | None, details: dict[str, str]
) -> Error:
    """Makes the exception for an error of the library; the native module calls this."""
    return _CLASSES.get(kind, InternalError)(message, code, name, field, details)
