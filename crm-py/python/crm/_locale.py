"""Languages of messages."""

from typing import Literal, TypeAlias

Locale: TypeAlias = Literal["en", "zh"]
