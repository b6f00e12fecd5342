"""What was found out when a model was opened, kept beside its parts for as long as they live.

Keras' objects have no place for it, and a configuration would carry it into files.
"""

from __future__ import annotations

import weakref
from collections.abc import MutableMapping, Sequence

from edgeprune.keras_types import KerasLayer, KerasModel

CLOSED: MutableMapping[KerasLayer, str] = weakref.WeakKeyDictionary()
"""A layer of the user's own, or a model, to why it cannot be opened."""

OPENED: MutableMapping[KerasModel, Sequence[str]] = weakref.WeakKeyDictionary()
"""A plain model to sentences about what it was made of."""
