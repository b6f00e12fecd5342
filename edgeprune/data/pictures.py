"""Pictures, in folders by class or bare, to a model's input: what they become, and the steps that travel.

    file -> uint8 (H, W, 1 or 3) --resize, channels--> raw sample (h, w, c)
    raw sample --resize, channels, rescale--> model input float32

The two steps are the same before and after storing; what fits already passes through them unchanged, so
a camera's frame on the device goes exactly the way a file went here. `FileReader` says when files are read.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import struct
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from edgeprune import preprocessing
from edgeprune.data import folders
from edgeprune.data.annotations import WHOLE, Box
from edgeprune.data.channel_order import LAST_TO_FIRST, takes_channels_first
from edgeprune.data.dataset import Dataset
from edgeprune.data.dataset_builder import DataRequest, Preprocessing, build_dataset
from edgeprune.data.embedded import StoredFile, opened_file, size_of
from edgeprune.data.file_name_labels import labels_in_names
from edgeprune.data.file_reader import FileForm, FileReader, kept_labels, kept_rows
from edgeprune.data.labels import RawTargets
from edgeprune.data.layout import layout_of
from edgeprune.data.model_signature import ModelSignature
from edgeprune.data.streamed import Array
from edgeprune.errors import InputError, UnreadableError, not_installed
from edgeprune.preprocessing import Step
from edgeprune.preprocessing.image import picture_area

if TYPE_CHECKING:
    from PIL.Image import Image as Picture

SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".avif")
SCALE_NOTE = "Pixels are scaled"
_FORMATS = ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "AVIF")
_READABLE: list[str] = []  # those of _FORMATS that this Pillow has
_EXPECTED, _WAY_OUT = f"A picture is expected: {', '.join(_FORMATS)}.", "Repair it, or take it out."
_AT_ONCE_BYTES = 16 << 20
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, MemoryError)
_WIDE = ("I", "F")  # 32 bits a pixel, whose range nobody states
_ORIENTATION = 0x0112  # the EXIF tag
_UPRIGHT = "Pictures are turned as their EXIF orientation says."
_GREY = ("1", "L", "LA")


@dataclasses.dataclass(frozen=True)
class PictureForm:
    """Height, width and channels of every picture, and the grey of the bars that keep its aspect ratio."""

    height: int
    width: int
    channels: int
    letterbox: int | None = None  # stretched

    @property
    def size(self) -> int:
        """Pixels of a picture, times channels; bytes of a raw sample."""
        return self.height * self.width * self.channels

    def steps(self) -> tuple[Step, ...]:
        """From a picture of any size to this form."""
        sized: Step = {"op": "resize", "height": self.height, "width": self.width}
        if self.letterbox is not None:
            sized = {**sized, "op": "letterbox", "fill": self.letterbox}
        return sized, {"op": "channels", "count": self.channels}

    @property
    def words(self) -> str:
        """As sentences name it."""
        bars = "" if self.letterbox is None else f", with bars of the grey {self.letterbox} around them"
        return f"{self.height} x {self.width} x {self.channels}{bars}"

    def area(self, shape: Sequence[int]) -> Box:
        """Where a picture (H, W, …) stands in what it becomes."""
        if self.letterbox is None:
            return WHOLE
        return picture_area(shape[:2], (self.height, self.width))

    def bring(self, picture: np.ndarray) -> np.ndarray:
        """One picture (H, W) or (H, W, C) in this form."""
        if picture.shape == (self.height, self.width, self.channels):
            return picture
        batch = (picture if picture.ndim == 3 else picture[..., None])[None]
        return np.asarray(preprocessing.apply(self.steps(), batch)[0])

    def of_files(self, *, upright: bool = False) -> FileForm[StoredFile]:
        """How files of pictures are read in this form; see `decode` for `upright`."""
        shape = self.height, self.width, self.channels
        return FileForm(shape, np.uint8, lambda path: self.bring(decode(path, upright=upright)), verify)


def form_for(shape: tuple[int, ...], request: DataRequest) -> PictureForm:
    """The form that a model takes: (H, W, C), (C, H, W), (H, W), or the pixels in one row.

    Where it leaves a size open, that of the first picture counts, whose `shape` is (H, W) or (H, W, C).
    """
    size = _size_for(shape, request.signature)
    return dataclasses.replace(size, letterbox=request.settings.letterbox)


def _size_for(shape: tuple[int, ...], signature: ModelSignature | None) -> PictureForm:
    height, width, channels = (*shape, 1)[:3]
    if signature is None:
        return PictureForm(height, width, channels)
    expected = signature.inputs[0].shape
    if len(signature.inputs) == 1 and not signature.is_text:
        if takes_channels_first(expected):
            return PictureForm(expected[1] or height, expected[2] or width, expected[0] or channels)
        if len(expected) == 3:
            return PictureForm(expected[0] or height, expected[1] or width, expected[2] or channels)
        if len(expected) == 2:
            return PictureForm(expected[0] or height, expected[1] or width, 1)
        size = expected[0] if len(expected) == 1 else None
        if size in (height * width, height * width * channels):
            return PictureForm(height, width, int(size) // (height * width))
    raise InputError(
        f"The data holds pictures, the first one {' x '.join(map(str, shape))}.",
        f"The model takes {', '.join(str(one.shape) for one in signature.inputs)}.",
        "Pass a model that takes pictures (height, width, channels), or data of its shape as .npz.",
    )


def steps_for(form: PictureForm, signature: ModelSignature | None) -> tuple[Step, ...]:
    """Steps from pictures to the model's input."""
    steps: list[Step] = [*form.steps()]
    if signature is None:
        return (*steps, pixel_step(0.0, 1.0))
    expected = signature.inputs[0]
    if not expected.is_integer:
        steps.append(pixel_step(*((0.0, 255.0) if signature.scales else signature.pixels)))
    if takes_channels_first(expected.shape):
        steps.append(LAST_TO_FIRST)
    elif len(expected.shape) != 3:
        shape = [form.height, form.width] if len(expected.shape) == 2 else [form.size]
        steps.append({"op": "reshape", "shape": shape})
    return tuple(steps)


def pixel_step(low: float, high: float) -> Step:
    """Scales pixels of 0..255 to `low`..`high`."""
    return {"op": "rescale", "scale": (high - low) / 255, "offset": float(low)}


def scale_note(signature: ModelSignature | None) -> str:
    """Which range of pixels is assumed."""
    if signature is not None and signature.scales:
        return "The model scales pixels itself: it gets 0 to 255."
    low, high = signature.pixels if signature is not None else (0.0, 1.0)
    return f"{SCALE_NOTE} to {low:g} to {high:g}."


def decode(path: StoredFile, *, upright: bool = False) -> np.ndarray:
    """(H, W, 1 or 3) uint8 of a picture (its first frame or page); transparency is dropped.

    With `upright` it is turned as its EXIF orientation says; masks and boxes are drawn on what is stored.
    """
    with opened(path) as stored:
        load(path, stored)
        picture = _turned(stored) if upright else stored
        if picture.mode.startswith("I"):  # 16-bit grey; Pillow's own conversion clips it
            return (np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8)[..., None]
        wanted = "L" if picture.mode in _GREY else "RGB"
        pixels = np.asarray(picture if picture.mode == wanted else picture.convert(wanted))
        return pixels[..., None] if wanted == "L" else pixels


def verify(path: StoredFile) -> None:
    """Raises what `decode` would; of a JPEG all is decoded but few pixels are made."""
    with opened(path) as picture:
        if picture.format == "JPEG":
            picture.draft("L", (picture.width // 8 or 1, picture.height // 8 or 1))
        load(path, picture)


def _turned(picture: Picture) -> Picture:
    from PIL import ImageOps

    turned = ImageOps.exif_transpose(picture) if _orientation(picture) != 1 else picture
    return picture if turned is None else turned


def _orientation(picture: Picture) -> int:
    """1 (as stored) to 8 by EXIF; 1 where the block is broken or says something else."""
    if picture.format == "JPEG" and not {"exif", "xmp"} & picture.info.keys():
        return 1  # most have none, and looking for it takes time
    try:
        found = picture.getexif().get(_ORIENTATION, 1)
    except (OSError, ValueError, SyntaxError, KeyError, TypeError, struct.error):
        return 1
    return found if isinstance(found, int) and 1 <= found <= 8 else 1


def shape_of(path: StoredFile, *, upright: bool = False) -> tuple[int, int, int]:
    """Height, width and channels by the file's header alone."""
    with opened(path, at_once=False) as picture:
        grey = picture.mode in _GREY or picture.mode.startswith("I")
        sideways = upright and _orientation(picture) >= 5
        height, width = (picture.width, picture.height) if sideways else (picture.height, picture.width)
        return height, width, 1 if grey else 3


def first_shape(paths: Sequence[StoredFile], *, upright: bool = False) -> tuple[int, int, int]:
    """Height, width and channels of the first picture whose header can be read."""
    for path in paths[:-1]:
        with contextlib.suppress(UnreadableError):
            return shape_of(path, upright=upright)
    return shape_of(paths[-1], upright=upright)


def opened(path: StoredFile, *, at_once: bool = True) -> Picture:
    """A picture of one of the formats that are read; its pixels are not decoded.

    A small file is read `at_once` where all of it is needed: Pillow asks for a few bytes at a time.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise not_installed("Pictures are read by the package Pillow", "pip install pillow") from error
    if not _READABLE:
        Image.init()
        _READABLE.extend(name for name in _FORMATS if name in Image.OPEN)
    try:
        picture = Image.open(_source(path, at_once=at_once), formats=_READABLE)
    except (*_BROKEN, Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise _broken(path, error) from error
    if picture.width * picture.height > (Image.MAX_IMAGE_PIXELS or sys.maxsize):
        picture.close()
        raise UnreadableError(path, f"it has {picture.width} x {picture.height} pixels", _EXPECTED, _WAY_OUT)
    if picture.format == "TIFF" and picture.mode in _WIDE:
        picture.close()
        raise UnreadableError(
            path, "it has 32 bits a pixel", "Pictures of 8 or 16 bits are expected.",
            "Convert it, or pass the values as .npz.",
        )
    return picture


def _source(path: StoredFile, *, at_once: bool) -> Path | IO[bytes]:
    if not isinstance(path, Path):
        return opened_file(path)
    small = at_once and path.stat().st_size <= _AT_ONCE_BYTES
    return io.BytesIO(path.read_bytes()) if small else path


def load(path: StoredFile, picture: Picture) -> None:
    """Reads the pixels of an opened picture."""
    try:
        picture.load()
    except _BROKEN as error:
        raise _broken(path, error) from error


def _broken(path: StoredFile, error: Exception) -> UnreadableError:
    reason = str(error) or type(error).__name__
    if type(error).__name__ == "UnidentifiedImageError":  # Pillow's words repeat the whole path
        reason = "it is not a picture" if size_of(path) else "it is empty"
    return UnreadableError(path, reason, _EXPECTED, _WAY_OUT)


def read_image_folder(request: DataRequest) -> Dataset:
    """A `Dataset` of all pictures below a folder."""
    folder = request.path
    layout = layout_of(folder, SUFFIXES)
    order = folders.class_order((layout.root, folder), layout.classes) if layout.classes else None
    parts: dict[str, tuple[list[Path], np.ndarray | None]] = {}
    for split, classes in layout.parts.items():
        paths = [path for name in order or ("",) for path in classes.get(name, ())]
        y = [number for number, name in enumerate(order or ()) for _ in classes.get(name, ())]
        parts[split] = (paths, np.array(y, np.int64) if order else None)
    skipped = (folders.skipped(folder, SUFFIXES), *layout.skipped)
    return read_picture_files(parts, request, classes=order, notes=layout.notes, skipped=skipped)


def read_pictures(request: DataRequest) -> Dataset:
    """A `Dataset` of the pictures that lie in a folder; without labels, unless their names have them."""
    paths = sorted(folders.files_below(request.path, SUFFIXES, request.path))
    skipped = (folders.skipped(request.path, SUFFIXES),)
    if found := labels_in_names(paths, request.path, request.signature):
        classes, y, note = found
        parts = {"train": (paths, y)}
        return read_picture_files(parts, request, classes=classes, notes=(note,), skipped=skipped)
    return read_picture_files({"train": (paths, None)}, request, skipped=skipped)


def read_picture_files(
    parts: Mapping[str, tuple[Sequence[StoredFile], RawTargets]], request: DataRequest, *,
    classes: Sequence[str] | None = None, notes: Sequence[str] = (), skipped: Sequence[str] = (),
) -> Dataset:
    """A `Dataset` of files of pictures by split with their labels, or None; `classes` are names in order."""
    signature, name = request.signature, request.path.name
    form = form_for(first_shape(parts["train"][0], upright=True), request)
    read = FileReader(request, sum(len(paths) for paths, _ in parts.values()))
    made: dict[str, tuple[Array, RawTargets]] = {}
    for split, (paths, y) in parts.items():
        x, kept = read.samples(paths, form.of_files(upright=True))
        made[split] = (kept_rows(x, kept), kept_labels(y, kept))
    size = f"Pictures become {form.words}."
    steps = Preprocessing(steps_for(form, signature), notes=(size, scale_note(signature)))
    return build_dataset(
        request, "vision", made, lambda _: steps, name=name, source=name, classes=classes,
        notes=(*notes, _UPRIGHT), skipped=(*skipped, read.settle()),
    )
