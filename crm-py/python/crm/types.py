"""What operations take and return.

Results are frozen dataclasses, nested inputs dictionaries (their types end in ``Input``), closed sets of names literals.
What an input may be written as: :data:`DecimalLike`, :data:`DateLike`, :data:`InstantLike`, :data:`IdLike`.
"""

from crm import _types
from crm._inputs import DateLike, DecimalLike, IdLike, InstantLike
from crm._types import *  # noqa: F403

__all__ = ["DateLike", "DecimalLike", "IdLike", "InstantLike", *_types.__all__]
