"""Dictionary keys for Keras objects: symbolic tensors and variables have no hash, or compare by value."""

from __future__ import annotations

import dataclasses


@dataclasses.dataclass(frozen=True, eq=False)
class Identity:
    """The key of one object and no other; it keeps the object alive."""

    of: object

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Identity) and self.of is other.of

    def __hash__(self) -> int:
        return object.__hash__(self.of)
