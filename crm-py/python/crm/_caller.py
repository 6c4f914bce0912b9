"""What the generated methods call."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from crm._page import Page

T = TypeVar("T")


class Caller(ABC):
    """Something that runs operations: a session, or a transaction."""

    @abstractmethod
    def _perform(self, operation: str, sent: Any, idempotency_key: str | None = None) -> Any:
        """Runs an operation and returns its answer as plain JSON values."""


class Group:
    """Operations that belong together."""

    __slots__ = ("_caller",)

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    def _perform(self, operation: str, sent: Any, idempotency_key: str | None = None) -> Any:
        return self._caller._perform(operation, sent, idempotency_key)

    def _page(
        self,
        operation: str,
        sent: dict[str, Any],
        read: Callable[[Any], T],
        idempotency_key: str | None = None,
    ) -> Page[T]:
        answer = self._caller._perform(operation, sent, idempotency_key)
        return Page(tuple([read(item) for item in answer["items"]]), answer.get("next"))

    def _pages(
        self, operation: str, sent: dict[str, Any], read: Callable[[Any], T], inside: str | None
    ) -> Iterator[T]:
        while True:
            answer = self._caller._perform(operation, sent)
            yield from map(read, answer["items"])
            cursor = answer.get("next")
            if cursor is None:
                return
            if inside is None:
                sent["cursor"] = cursor
            else:
                sent[inside] = {**(sent.get(inside) or {}), "cursor": cursor}
