"""Which array is what, by its name: samples, labels or weights, of which split, for which input or output.

    x_train, X_train, train_images, images   samples       x_image, x_train_0, image   of one of the inputs
    y_test, test_labels, target, Y           labels        y_cls, y_0, cls             of one of the outputs
    x_val, x_dev, valid_x                    validation    w_train, sample_weight      what each sample counts
                                                           sample_weight_cls           for one of the outputs
    classes, class_names                     texts: names of the classes, in order

A name that says none of this is no reason to stop: it is told, so that nothing vanishes.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.data.model_signature import InputSignature, ModelSignature, OutputSignature
from edgeprune.data.splits import ALIASES, NAMES
from edgeprune.data.streamed import Array
from edgeprune.errors import InputError

_ROLES = {
    "x": (
        "x", "image", "images", "img", "imgs", "data", "input", "inputs", "feature", "features",
        "sample", "samples", "text", "texts", "audio", "clips", "pixels",
    ),
    "y": ("y", "label", "labels", "target", "targets", "mask", "masks", "truth", "tags"),
    "w": ("w", "weight", "weights", "sw"),
}
_CLASS_NAMES = ("classes", "class_names", "label_names", "names", "target_names", "categories")


@dataclasses.dataclass(frozen=True, eq=False)
class NamedSplit:
    """Arrays of one split: of each input, of each output (None: no labels), and what samples count.

    `weights` are for all outputs, or a tuple with one entry for each.
    """

    x: tuple[Array, ...]
    y: tuple[Array | None, ...]
    weights: Array | tuple[Array | None, ...] | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class NamedArrays:
    """All that the names say."""

    splits: Mapping[str, NamedSplit]
    classes: tuple[str, ...] | None  # names by number
    unused: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class _Place:
    role: str  # x, y or w
    split: str  # train where a name says none
    key: str  # the rest of the name: an input's or output's, or a number; may be empty


def sort_by_name(
    arrays: Mapping[str, Array], source: str, signature: ModelSignature | None = None
) -> NamedArrays:
    """Sorts arrays by what their names say.

    Raises:
        InputError: no samples, two arrays for one place, or a name of no input or output of the model.
    """
    inputs = _names_of(signature.inputs) if signature is not None else [""]
    outputs = _names_of(signature.each_output) if signature is not None else [""]
    classes, rest = _class_names(arrays)
    places = {name: _place(name, inputs, outputs) for name in rest}
    if not any(place is not None and place.role == "x" for place in places.values()):
        places.update(_unnamed(rest))
    sampled = {place.split for place in places.values() if place is not None and place.role == "x"}
    places = {
        name: _of_an_output(name, outputs) or place
        if place is not None and place.role != "x" and place.split not in sampled else place
        for name, place in places.items()
    }
    found: dict[str, dict[str, dict[str, str]]] = {}
    for name, place in places.items():
        if place is not None:
            taken = found.setdefault(place.split, {}).setdefault(place.role, {})
            if place.key in taken:
                raise InputError(
                    f"{source} holds both {taken[place.key]} and {name}, which say the same.",
                    "One array for each split and role is expected.", "Rename or remove one of them.",
                )
            taken[place.key] = name
    splits = {
        split: NamedSplit(
            _in_order(roles["x"], inputs, "input", arrays, source),
            _targets(roles.get("y", {}), outputs, arrays, source),
            _weights(roles.get("w", {}), outputs, arrays, source),
        )
        for split, roles in found.items() if "x" in roles
    }
    used = {name for split in splits for role in found[split].values() for name in role.values()}
    unused = tuple(sorted(set(rest) - used))
    if "train" not in splits:
        raise InputError(
            f"{source} holds {', '.join(sorted(arrays)) or 'nothing'}.",
            "Arrays x_train, y_train, x_test, y_test, or x and y, are expected; x_NAME and y_NAME for a "
            "model of several inputs and outputs.", "Rename the arrays.",
        )
    return NamedArrays({name: splits[name] for name in NAMES if name in splits}, classes, unused)


def _names_of(tensors: Sequence[InputSignature | OutputSignature]) -> list[str]:
    """In small letters; numbers stand where a model has no names."""
    return [one.name.lower() or str(number) for number, one in enumerate(tensors)]


def _place(name: str, inputs: Sequence[str], outputs: Sequence[str]) -> _Place | None:
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
    words = [word for word in re.split(r"[^a-z0-9]+", plain) if word]
    said = [word for word in words if word in ALIASES]
    # The last one: `x_train_0` and `train_x` name a split anywhere.
    split = ALIASES[said[0]] if said else "train"
    left = [word for word in words if word not in said] if said else words
    key = "_".join(left)
    for role, names in (("x", inputs), ("y", outputs)):
        if key and key in names and not (role == "x" and key in outputs):
            return _Place(role, split, key)
    if plain.startswith("sample_weight"):
        return _Place("w", split, "_".join(left[2:]))
    for role, names in _ROLES.items():
        if left and left[0] in names:
            return _Place(role, split, "_".join(left[1:]))
        joined = re.fullmatch(r"([xyw])(\d*)", left[0]) if left else None
        if joined and joined[1] == role:
            return _Place(role, split, joined[2])
    return None


def _of_an_output(name: str, outputs: Sequence[str]) -> _Place | None:
    """Labels or weights of an output that is called like a split, such as y_val, where no samples are."""
    for role in ("y", "w"):
        for said in (*_ROLES[role], "sample_weight", "sample_weights"):
            key = name.lower().removeprefix(f"{said}_")
            if key != name.lower() and key in outputs:
                return _Place(role if said in _ROLES[role] else "w", "train", key)
    return None


def _unnamed(names: Sequence[str]) -> dict[str, _Place]:
    """``arr_0`` and ``arr_1``, as numpy.savez calls arrays without names."""
    if set(names) in ({"arr_0"}, {"arr_0", "arr_1"}):
        return {name: _Place(role, "train", "") for name, role in zip(sorted(names), "xy", strict=False)}
    if set(names) == {f"arr_{number}" for number in range(4)}:
        order = (("x", "train"), ("y", "train"), ("x", "test"), ("y", "test"))
        return {f"arr_{number}": _Place(*place, "") for number, place in enumerate(order)}
    return {}


def _class_names(arrays: Mapping[str, Array]) -> tuple[tuple[str, ...] | None, list[str]]:
    rest, classes = [], None
    for name, array in arrays.items():
        if name.lower() in _CLASS_NAMES and array.ndim == 1 and array.dtype.kind in "US":
            read = np.asarray(array)
            texts = np.char.decode(read, "utf-8", "replace") if read.dtype.kind == "S" else read
            classes = tuple(map(str, texts))
        else:
            rest.append(name)
    return classes, rest


def _in_order(
    found: Mapping[str, str], names: Sequence[str], what: str, arrays: Mapping[str, Array], source: str
) -> tuple[Array, ...]:
    """Arrays of all inputs, named, numbered, or the only one."""
    numbered = all(key.isdecimal() for key in found)
    if numbered or (len(found) == 1 and len(names) == 1):
        keys = sorted(found, key=lambda key: int(key) if key.isdecimal() else 0)
        return tuple(arrays[found[key]] for key in keys)
    if unknown := sorted(set(found) - set(names) - {""}):
        raise InputError(
            f"{source} holds {found[unknown[0]]}, and the model has no {what} {unknown[0]!r}.",
            f"Its {what}s are {', '.join(names)}.", "Rename the array after one of them.",
        )
    if missing := [name for name in names if name not in found]:
        if len(found) == 1 and "" in found:
            return (arrays[found[""]],)
        raise InputError(
            f"{source} holds no array for the model's {what} {missing[0]!r}.",
            f"x_{missing[0]} is expected.", "Add it.",
        )
    return tuple(arrays[found[name]] for name in names)


def _weights(
    found: Mapping[str, str], names: Sequence[str], arrays: Mapping[str, Array], source: str
) -> Array | tuple[Array | None, ...] | None:
    """Of all outputs, or of each that has some."""
    if set(found) == {""}:
        return arrays[found[""]]
    each = _targets(found, names, arrays, source)
    return each if any(one is not None for one in each) else None


def _targets(
    found: Mapping[str, str], names: Sequence[str], arrays: Mapping[str, Array], source: str
) -> tuple[Array | None, ...]:
    """Labels of all outputs; None for those without."""
    if not found:
        return (None,) * len(names)
    if len(names) == 1 and len(found) == 1:
        return (arrays[next(iter(found.values()))],)
    by_number = {str(number): name for number, name in enumerate(names)}
    located: dict[str, Array] = {}
    for key, name in found.items():
        output = names[0] if key == "" and len(found) == 1 else by_number.get(key, key)
        if output not in names:
            raise InputError(
                f"{source} holds {name}, and the model has no output {key!r}.",
                f"Its outputs are {', '.join(names)}.", f"Rename it, for example y_{names[0]}.",
            )
        located[output] = arrays[name]
    return tuple(located.get(name) for name in names)
