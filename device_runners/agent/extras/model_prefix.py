"""The first operators of a `.tflite` file as a model of their own, made by changing a few bytes.

A FlatBuffer's table points to its fields, and a vector begins with its length. So a model that ends after
operator k is the same file with a shorter list of operators and another list of outputs, which is put at the
end of the file. Weights stay where they are; devices have no library that could write the file anew.
"""

from __future__ import annotations

import struct
from typing import Sequence

from edgeprune.errors import InputError

# Numbers of fields in TensorFlow Lite's schema.
_SUBGRAPHS, _SIGNATURES = 2, 7  # of Model
_OUTPUTS, _OPERATORS = 2, 3  # of SubGraph
_LARGEST = (1 << 31) - 1  # offsets in a FlatBuffer


class ModelPrefixes:
    """Cuts one model; `operators` is how many it has."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        try:
            model = self._offset(0)
            subgraphs = self._vector(model, _SUBGRAPHS)
            main = self._offset(subgraphs + 4)
            self._outputs = self._field(main, _OUTPUTS)
            self._operators = self._vector(main, _OPERATORS)
            self.operators = self._u32(self._operators)
            signatures = self._field(model, _SIGNATURES)
            self._signatures = self._offset(signatures) if signatures else 0
        except (struct.error, ValueError) as error:
            raise InputError(
                f"The operators of the model cannot be told apart ({error}).",
                "A .tflite file was expected.", "Measure without --profile.",
            ) from error
        if not self._outputs or len(content) > _LARGEST:
            raise InputError(
                "The model has no outputs, or is larger than 2 GB.", "--profile needs them, and less.",
                "Measure without --profile.",
            )

    def cut_after(self, operators: int, outputs: Sequence[int]) -> bytes:
        """The first `operators`, whose results are the tensors `outputs`."""
        changed = bytearray(self._content)
        changed += bytes(-len(changed) % 4)
        end = len(changed)
        changed += struct.pack(f"<{len(outputs) + 1}i", len(outputs), *outputs)
        struct.pack_into("<I", changed, self._outputs, end - self._outputs)
        struct.pack_into("<I", changed, self._operators, operators)
        if self._signatures:  # they name the outputs of the whole model
            struct.pack_into("<I", changed, self._signatures, 0)
        return bytes(changed)

    def _u32(self, at: int) -> int:
        return int(struct.unpack_from("<I", self._content, at)[0])

    def _offset(self, at: int) -> int:
        """Where the offset at this place points to, which is always further on."""
        return at + self._u32(at)

    def _field(self, table: int, number: int) -> int:
        """The place of a field; 0 where the table has none."""
        vtable = table - int(struct.unpack_from("<i", self._content, table)[0])
        size, at = int(struct.unpack_from("<H", self._content, vtable)[0]), 4 + 2 * number
        place = int(struct.unpack_from("<H", self._content, vtable + at)[0]) if at < size else 0
        return table + place if place else 0

    def _vector(self, table: int, number: int) -> int:
        at = self._field(table, number)
        if not at:
            raise ValueError("a list is missing")
        return self._offset(at)
