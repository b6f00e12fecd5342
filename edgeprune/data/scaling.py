"""How a user's model takes its numbers: a Keras file does not say it, so the labels do.

A model trained on pixels in -1..1 is near guessing on pixels in 0..1, and a build on such a baseline reports
gains over a model that was fed wrongly. The usual preprocessings are tried on labelled training samples:

    pictures    as they are, 0..1, -1..1, 0..255, ImageNet's mean and deviation, Caffe's (BGR minus means),
                BGR, each picture standardized, channels standardized by the training pictures, or their means
                subtracted
    columns     as they are, standardized, from 0 to 1 by the training rows; as pixels, where they may be some

They are compared by the loss of each sample, classes counting alike, so that naming the common class wins
nothing. The usual one stays unless another's loss is lower by more than chance explains.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from edgeprune import preprocessing
from edgeprune.data import pictures
from edgeprune.data.channel_order import as_scaled, channels_of
from edgeprune.data.dataset import Dataset, Split
from edgeprune.data.decisions import ReadingDecision
from edgeprune.data.model_signature import InputSignature, ModelSignature
from edgeprune.data.splits import choose
from edgeprune.data.streamed import HeldSamples, in_memory, parts_of
from edgeprune.data.tabular import standardizing_step
from edgeprune.errors import InputError
from edgeprune.preprocessing import Step
from edgeprune.tasks import sample_losses, several

Steps = tuple[Step, ...]
Predict = Callable[[HeldSamples], Sequence[np.ndarray]]
"""The original model: its inputs (N, …) to all its outputs."""

_FIRST, _SAMPLES = 96, 512
_DRAWN = 256
"""Samples whose range and means stand for all: drawn, because the first ones may be of one class."""
_DEVIATIONS, _OF_RARE = 3.0, 2.0
"""Of the mean difference; less is chance. Ways that few people use are given up sooner."""
_ALIKE = 0.01
"""Mean losses that differ by less say nothing: of memorised samples all losses are small."""
_GAIN = 0.1
"""What a loss must fall by before samples are taken for wrongly scaled: a poor model says little."""
_LEADERS, _NAMED = 5, 3
_USUAL = (
    "zero-one", "minus-one-one", "pixels", "none", "imagenet", "caffe", "standardize", "per-image", "bgr",
    "bgr-minus-one-one", "bgr-pixels", "zero-one-centered", "centered", "min-max",
)
"""Ways by how usual they are, for those that labels cannot tell apart."""
_COMMON = frozenset(_USUAL[:4])
_TEMPERATURES = tuple(2.0 ** (step / 2) for step in range(-12, 21))  # 1 is among them
_PRICE = 0.02
_MISFIT = math.log(4)
"""A model's confidence is off by such a factor for other reasons than its preprocessing."""
_SCALING = ("rescale", "standardize", "standardize_each", "reverse_channels")
_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))  # of 0..255, as in torchvision
_CAFFE = (103.939, 116.779, 123.68)  # BGR means of 0..255, as in keras.applications
_COLOURS = 3
_MANY = 64  # columns that may be pixels


@dataclasses.dataclass(frozen=True)
class Preprocessed:
    """One way of feeding the model."""

    name: str  # as --preprocess takes it
    words: str
    steps: Steps  # of all inputs


def choose_scaling(
    data: Dataset, signature: ModelSignature, predict: Predict, wanted: str = "auto", seed: int = 0
) -> Dataset:
    """`data` with the preprocessing that the model was trained with, as far as labels tell.

    Args:
        wanted: a preprocessing by name, which is taken without a trial; "none" takes samples as they are.

    Raises:
        InputError: the preprocessing that is asked for does not go with this data.
    """
    if wanted != "auto":
        return _stated(data, signature, wanted)
    for number, expected in enumerate(signature.inputs):
        found = list(ways(data, signature, number, expected))
        if len(found) < 2 or data.train.y is None:
            continue
        chosen, note = _best(data, found, predict, seed, prefers_first=_is_usual(data, number))
        if note:
            which = "" if len(signature.inputs) == 1 else f"Input {number}: "
            taken = f"{which}The model takes {chosen.words}."
            data = _without_assumed_scale(data).deciding(ReadingDecision("preprocessing", taken, note))
        data = dataclasses.replace(data, preprocessing=chosen.steps)
    if any(one.subject == "preprocessing" for one in data.decisions):
        return data
    done = ", ".join(dict.fromkeys(str(step["op"]) for step in _plain(data.preprocessing)))
    taken = f"Steps to the model's input: {done}." if done else "The model takes samples as they are."
    return data.deciding(ReadingDecision("preprocessing", taken))


def _stated(data: Dataset, signature: ModelSignature, wanted: str) -> Dataset:
    names: set[str] = set()
    for number, expected in enumerate(signature.inputs):
        found = {way.name: way for way in ways(data, signature, number, expected, stated=True)}
        names |= set(found)
        if wanted in found:
            data = dataclasses.replace(data, preprocessing=found[wanted].steps)
    scaled = any(_scaling_of(data.preprocessing, number) for number in range(len(signature.inputs)))
    if wanted not in names and (wanted != "none" or scaled):
        raise InputError(
            f"--preprocess {wanted} does not go with this data.",
            f"These can be applied to it: {', '.join(sorted(names))}." if names else
            "Its samples go to the model as they are.",
            "Choose one of them, or auto." if names else "Leave the option out.",
        )
    stated = ReadingDecision("preprocessing", f"Preprocessing as stated: {wanted}.")
    return _without_assumed_scale(data).deciding(stated)


def _without_assumed_scale(data: Dataset) -> Dataset:
    """Without what was assumed of the scale of pixels, where it no longer holds."""
    kept = tuple(one for one in data.decisions if not one.choice.startswith(pictures.SCALE_NOTE))
    return dataclasses.replace(data, decisions=kept)


def ways(
    data: Dataset, signature: ModelSignature, number: int, expected: InputSignature, *, stated: bool = False
) -> Iterator[Preprocessed]:
    """Ways to feed input `number`: first the one in `data`, then every other that gives other numbers."""
    raw = np.asarray(parts_of(choose(data.train, _DRAWN, 0).x)[number])
    if raw.dtype.kind not in "biuf" or expected.is_integer or expected.is_text:
        return
    if signature.scales and not stated:
        return
    several_inputs = len(signature.inputs) > 1
    given = _scaling_of(data.preprocessing, number)
    mine = [_bare(step) for step in data.preprocessing if step.get("input", number) == number]
    options = _for_input(data, as_scaled(raw, mine), expected)
    if options is None:
        return
    first = next((name for name, _, steps in options if _plain(steps) == _plain(given)), None)
    ordered = sorted(options, key=lambda option: option[0] != first)
    if first is None:
        ordered.insert(0, ("given", "samples as they are", given))
    seen: list[Steps] = []
    for name, words, steps in ordered:
        if _plain(steps) not in seen or stated:
            seen.append(_plain(steps))
            same = _plain(steps) == _plain(given)
            made = _replaced(data.preprocessing, number, steps, several=several_inputs)
            yield Preprocessed(name, words, tuple(data.preprocessing) if same else made)


def _for_input(
    data: Dataset, raw: np.ndarray, expected: InputSignature
) -> list[tuple[str, str, Steps]] | None:
    """Name, words and scaling steps of what is usual for such samples; None where nothing is."""
    picture = data.task in ("vision", "segmentation", "detection") and raw.ndim >= 3
    if picture and (extremes := _pixels(raw)) is not None:
        return list(_for_pictures(raw, extremes, channels_of(expected.shape)))
    if raw.ndim == 2 and not expected.is_text and data.task == "tabular":
        rows = np.asarray(in_memory(data.train.x) if not isinstance(data.train.x, tuple) else raw)
        low, high = rows.min(axis=0).astype(np.float64), rows.max(axis=0).astype(np.float64)
        span = np.where(high > low, high - low, 1.0)
        return [
            ("none", "columns as they are", ()),
            *(_for_pixel_columns(rows) if rows.shape[1] >= _MANY else ()),
            ("standardize", "standardized columns", (standardizing_step(rows),)),
            ("min-max", "columns from 0 to 1",
             ({"op": "standardize", "mean": low.tolist(), "std": span.tolist()},)),
        ]
    return None


def _for_pixel_columns(rows: np.ndarray) -> Iterator[tuple[str, str, Steps]]:
    """For many columns of whole numbers from 0 to 255: pictures in one row."""
    if _pixels(rows) == (0.0, 255.0) and bool((rows == np.rint(rows)).all()):
        for name, words, low, high in (
            ("zero-one", "pixels from 0 to 1", 0.0, 1.0), ("minus-one-one", "pixels from -1 to 1", -1.0, 1.0)
        ):
            yield name, words, ({"op": "rescale", "scale": (high - low) / 255, "offset": low},)


def _for_pictures(
    raw: np.ndarray, extremes: tuple[float, float], colours: int
) -> Iterator[tuple[str, str, Steps]]:
    """For pixels between `extremes`, which stand for 0 and 255."""
    dark, light = extremes
    unit = (light - dark) / 255

    def between(low: float, high: float) -> Steps:
        scale = (high - low) / (light - dark)
        return ({"op": "rescale", "scale": scale, "offset": float(low - dark * scale)},)

    def standardized(mean: Sequence[float], std: Sequence[float]) -> Steps:
        return ({
            "op": "standardize", "mean": [dark + one * unit for one in mean],
            "std": [one * unit for one in std],
        },)

    yield "none", "samples as they are", ()
    yield "zero-one", "pixels from 0 to 1", between(0, 1)
    yield "minus-one-one", "pixels from -1 to 1", between(-1, 1)
    yield "pixels", "pixels from 0 to 255", between(0, 255)
    if colours == _COLOURS and (raw.shape[-1] == _COLOURS or raw.ndim == _COLOURS):
        yield "imagenet", "ImageNet's mean and deviation", standardized(*_IMAGENET)
        reverse: Step = {"op": "reverse_channels"}
        yield "caffe", "BGR minus Caffe's means", (reverse, *standardized(_CAFFE, (1.0,) * 3))
        yield "bgr", "BGR from 0 to 1", (reverse, *between(0, 1))
        yield "bgr-pixels", "BGR from 0 to 255", (reverse, *between(0, 255))
        yield "bgr-minus-one-one", "BGR from -1 to 1", (reverse, *between(-1, 1))
    flat = raw.reshape(-1, raw.shape[-1] if colours == _COLOURS == raw.shape[-1] else 1).astype(np.float64)
    mean = flat.mean(0).tolist()

    def minus_means(scale: float) -> Steps:
        return ({"op": "standardize", "mean": mean, "std": [(light - dark) / scale] * len(mean)},)

    yield "standardize", "channels standardized by the training pictures", (
        {"op": "standardize", "mean": mean, "std": np.maximum(flat.std(0), 1e-6).tolist()},
    )
    yield "zero-one-centered", "pixels from 0 to 1 minus the training pictures' means", minus_means(1)
    yield "centered", "pixels from 0 to 255 minus the training pictures' means", minus_means(255)
    yield "per-image", "each picture standardized", ({"op": "standardize_each"},)


def _pixels(raw: np.ndarray) -> tuple[float, float] | None:
    """What black and white are in raw samples; None where they are no pixels."""
    low, high = (float(raw.min()), float(raw.max())) if raw.size else (0.0, 0.0)
    if raw.dtype == np.uint8 or (low >= 0 and 1.5 < high <= 255):
        return 0.0, 255.0
    if low >= 0 and high <= 1:
        return 0.0, 1.0
    return (-1.0, 1.0) if -1 <= low < 0 and high <= 1 else None


def _is_usual(data: Dataset, number: int) -> bool:
    """Whether samples come as somebody has scaled them, so that another way must be surely better."""
    raw = np.asarray(parts_of(data.train.x)[number][:_FIRST])
    if raw.dtype.kind != "f" or raw.ndim == 2:
        return raw.ndim == 2
    return float(np.abs(raw).max(initial=0)) <= 1


def _scaling_of(steps: Sequence[Step], number: int) -> Steps:
    mine = [step for step in steps if step.get("input", number) == number]
    return tuple(_bare(step) for step in mine if step["op"] in _SCALING)


def _bare(step: Step) -> Step:
    return {key: value for key, value in step.items() if key != "input"}


def _plain(steps: Steps) -> Steps:
    """Without what changes nothing, numbers rounded, so that equal ways compare equal."""
    kept: list[Step] = []
    for step in steps:
        if step["op"] == "rescale" and (step["scale"], step.get("offset", 0.0)) == (1.0, 0.0):
            continue
        kept.append({
            key: float(f"{value:.9g}") if isinstance(value, float) else value for key, value in step.items()
        })
    return tuple(kept)


def _replaced(steps: Sequence[Step], number: int, scaling: Steps, *, several: bool) -> Steps:
    """All steps with this scaling of one input in the place of its own; at the end where it had none."""
    mine = [
        place for place, step in enumerate(steps)
        if step.get("input", number) == number and step["op"] in _SCALING
    ]
    new = scaling or ({"op": "rescale", "scale": 1.0, "offset": 0.0},)
    new = tuple({**step, "input": number} for step in new) if several else new
    if not mine:
        return (*steps, *new) if scaling else tuple(steps)
    rest = [step for place, step in enumerate(steps) if place not in mine]
    at = mine[0]
    return (*rest[:at], *new, *rest[at:])


@dataclasses.dataclass(frozen=True, eq=False)
class _Trial:
    """What the model made of samples that were fed in one way."""

    way: Preprocessed
    losses: np.ndarray  # (N,) at the temperature that suits best
    plain: float  # the mean loss as the model is, at temperature 1
    misfit: float  # |log temperature|: how far its confidence is from its rightness

    @property
    def mean(self) -> float:
        """The mean loss."""
        return float(self.losses.mean())


def _best(
    data: Dataset, found: Sequence[Preprocessed], predict: Predict, seed: int, *, prefers_first: bool
) -> tuple[Preprocessed, str]:
    """The way that the model was trained with, and what to tell; the first one where nothing tells.

    A wrong scale makes scores larger, and so a right answer surer: losses are compared at each way's own best
    temperature. Of those that are alike, the ways of which the model is rightly confident remain, and of
    these the most usual one is taken.
    """
    few = choose(data.train, _FIRST, seed)
    first = _trial(data, found[0], few, predict)
    if first is None or (prefers_first and first.plain < _ALIKE):
        return found[0], ""
    tried = [first, *(one for way in found[1:] if (one := _trial(data, way, few, predict)) is not None)]
    # All on a few samples; those that may be the best, and the first one, on many.
    leaders = sorted(tried, key=lambda one: one.mean)[:_LEADERS]
    many = choose(data.train, _SAMPLES, seed)
    left = [way for way in found if way is found[0] or any(one.way is way for one in leaders)]
    last = [one for way in left if (one := _trial(data, way, many, predict)) is not None]
    best = _chosen(last, prefers_first=prefers_first)
    means = {one.way.words: one.mean for one in (*tried, *last)}
    others = sorted((mean, words) for words, mean in means.items() if words != best.way.words)
    listed = ", ".join(f"{words} {mean:.3g}" for mean, words in others[:_NAMED])
    return best.way, (
        f"The mean loss of {len(many)} training samples is {best.mean:.3g}, with all classes counted "
        f"alike. Also tried: {listed}."
    )


def _chosen(trials: Sequence[_Trial], *, prefers_first: bool) -> _Trial:
    """One of trials in the order of how usual their ways are, the given one first."""
    first, lowest = trials[0], min(trials, key=lambda one: one.mean)
    if np.allclose(first.losses, lowest.losses):  # nothing tells
        return first
    stays = first.mean <= _as_good(lowest.mean) or not _surely_lower(lowest.losses, first.losses)
    if prefers_first and stays and first.misfit <= _MISFIT:
        return first
    alike = [one for one in trials if _as_good_as(lowest, one)]
    confident = min(one.plain for one in alike)
    return min(
        (one for one in alike if one.plain <= _as_good(confident)),
        key=lambda one: _USUAL.index(one.way.name) if one.way.name in _USUAL else len(_USUAL),
    )


def _as_good_as(lowest: _Trial, one: _Trial) -> bool:
    """Whether another way may be the right one all the same."""
    if one.mean <= lowest.mean + _ALIKE:
        return True
    deviations = _DEVIATIONS if one.way.name in _COMMON else _OF_RARE
    return one.mean <= _as_good(lowest.mean) and not _surely_lower(lowest.losses, one.losses, deviations)


def _as_good(loss: float) -> float:
    """Up to which mean loss another way is as good."""
    return loss * (1 + _GAIN) + _ALIKE


def _surely_lower(one: np.ndarray, other: np.ndarray, deviations: float = _DEVIATIONS) -> bool:
    difference = other - one
    deviation = float(difference.std()) / math.sqrt(max(len(difference), 1))
    return float(difference.mean()) > deviations * deviation


def _trial(data: Dataset, way: Preprocessed, split: Split, predict: Predict) -> _Trial | None:
    """All outputs that have labels together; None where no loss can be given."""
    inputs = preprocessing.apply(way.steps, in_memory(split.x), data.files)
    single = None if isinstance(inputs, tuple) else inputs
    losses, plain, misfits = np.zeros(len(split)), 0.0, list[float]()
    for task, y, output in zip(data.tasks, several(split.y, len(data.tasks)), predict(inputs), strict=True):
        if y is not None:
            finite = np.nan_to_num(np.asarray(output), posinf=1e9, neginf=-1e9)
            temperatures = _TEMPERATURES if task.kind in ("classes", "binary", "multi_label") else (1.0,)
            each = [(sample_losses(task, y, finite, single, one), one) for one in temperatures]
            known = [(one * _class_weights(y), math.log(t)) for one, t in each if one is not None]
            if known:
                # Where all answers are right any low temperature would do: the nearest to 1 that is as good.
                lowest, temperature = min(
                    known, key=lambda pair: float(pair[0].mean()) + _PRICE * abs(pair[1])
                )
                losses += lowest
                plain += next(float(one.mean()) for one, log in known if log == 0)
                misfits.append(abs(temperature))
    return _Trial(way, losses, plain, max(misfits)) if misfits else None


def _class_weights(y: np.ndarray) -> np.ndarray:
    """(N,) with mean 1: every class in sum the same."""
    if y.ndim != 1 or y.dtype.kind not in "iu" or not len(y):
        return np.ones(len(y))
    _, inverse, counts = np.unique(y, return_inverse=True, return_counts=True)
    return np.asarray(len(y) / (len(counts) * counts[inverse.reshape(-1)]))
