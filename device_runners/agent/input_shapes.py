"""Sizes of the inputs: those that the file leaves open have to be given.

The runtime takes 1 for a size that is open, so a model of pictures would be timed on a single pixel. Only the
batch, the first axis, is 1 where nothing else is said.
"""

from __future__ import annotations

from typing import Sequence

from device_runners.agent.runtime import Interpreter, TensorDetail
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_parts import InputShape


def set_input_shapes(interpreter: Interpreter, wanted: Sequence[InputShape]) -> None:
    """Gives inputs their sizes, before tensors are allocated.

    Raises:
        InputError: a shape that fits no input, or a size that stays open.
        DeviceError: the runtime cannot change sizes.
    """
    details = interpreter.get_input_details()
    shape_of = {_input_for(details, one)["index"]: one.shape for one in wanted}
    for detail in details:
        shape, open_shape = shape_of.get(detail["index"]), _declared(detail)
        if shape is None:
            if -1 in open_shape[1:]:
                raise InputError(
                    f"Input '{short_name(detail)}' leaves sizes open: {show_shape(open_shape)}.",
                    "A latency is that of one size.",
                    f"Pass --shape {short_name(detail)}={_example(open_shape)} to bench, with your sizes.",
                )
            continue
        if len(shape) != len(open_shape) or any(
            fixed not in (-1, size) for fixed, size in zip(open_shape[1:], shape[1:])
        ):
            raise InputError(
                f"--shape {show_shape(shape)} does not fit the input '{short_name(detail)}'.",
                f"The file takes {show_shape(open_shape)}; ? is open.",
            )
        try:
            interpreter.resize_tensor_input(detail["index"], list(shape))
        except (AttributeError, RuntimeError, ValueError) as error:
            raise DeviceError(f"The runtime cannot set the shape {show_shape(shape)}: {error}") from error


def input_shapes(interpreter: Interpreter) -> tuple[InputShape, ...]:
    """The inputs as they run."""
    return tuple(
        InputShape(short_name(detail), tuple(int(size) for size in detail["shape"]))
        for detail in interpreter.get_input_details()
    )


def short_name(detail: TensorDetail) -> str:
    """An input's name without what TensorFlow's converter puts around it."""
    name = str(detail["name"])
    prefix = "serving_default_"
    return (name.removeprefix(prefix)).rpartition(":")[0] or name


def show_shape(shape: Sequence[int]) -> str:
    """``1,?,?,3``."""
    return ",".join("?" if size < 0 else str(size) for size in shape)


def _declared(detail: TensorDetail) -> tuple[int, ...]:
    """The shape with -1 for sizes that are open; old runtimes do not tell them."""
    signature = detail.get("shape_signature")
    sizes = detail["shape"] if signature is None or not len(signature) else signature
    return tuple(int(size) for size in sizes)


def _example(shape: Sequence[int]) -> str:
    return ",".join(str(size) if size > 0 else "1" if axis == 0 else "224" for axis, size in enumerate(shape))


def _input_for(details: Sequence[TensorDetail], wanted: InputShape) -> TensorDetail:
    found = [one for one in details if wanted.name in (str(one["name"]), short_name(one))]
    if not wanted.name and len(details) == 1:
        return details[0]
    if len(found) != 1:
        names = ", ".join(short_name(one) for one in details)
        raise InputError(
            f"--shape {wanted.name}: there is no such input." if wanted.name else "--shape has no name.",
            f"The file's inputs are {names}.", "Write --shape NAME=1,224,224,3.",
        )
    return found[0]
