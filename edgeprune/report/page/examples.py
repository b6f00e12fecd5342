"""A few test samples with what belongs onto them: true, by the original, and by the deployed model.

    picture + true      picture + original      picture + deployed

Masks are laid over the picture, where the commonest class is left uncoloured; boxes are drawn, those of the
models with their scores. A picture stands in the page once.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from edgeprune.report.page.html import Html, join, tag, typeset
from edgeprune.report.page.png import png_address
from edgeprune.report.page.svg import drawing, label
from edgeprune.report.plots import UNLABELLED, BoxReport, ExampleReport, MarksReport, unpacked

COLOURS = np.array([
    (230, 159, 0), (86, 180, 233), (0, 158, 115), (240, 228, 66), (0, 114, 178), (213, 94, 0),
    (204, 121, 167), (140, 90, 60),
], np.uint8)
"""Okabe and Ito's, which people with any kind of colour blindness can tell apart; then they repeat."""
_SIDE = 240.0
_CHARACTER = 7.0  # width of one in a box's label
_OPACITY = 210
_STAGES = ("true", "original", "deployed")
_WHO = {
    "input": "What goes into the model", "true": "What is true of this sample",
    "original": "What the original finds in this sample",
    "deployed": "What the deployed model finds in this sample",
}


@dataclasses.dataclass(frozen=True)
class _Drawn:
    """An example whose pixels were read."""

    example: ExampleReport
    picture: np.ndarray
    masks: Mapping[str, np.ndarray]
    pictures: Mapping[str, np.ndarray]

    def marks(self, stage: str) -> MarksReport:
        """What belongs onto the picture by one of the stages."""
        return _marks_of(self.example, stage)


def _marks_of(example: ExampleReport, stage: str) -> MarksReport:
    return {"true": example.true, "original": example.baseline, "deployed": example.deployed}[stage]


def examples_part(identity: str, examples: Sequence[ExampleReport], classes: Sequence[str]) -> Html | None:
    """Figures of the examples that can be read, with the legend of their classes; None without any."""
    drawn = [found for one in examples if (found := _read(one)) is not None]
    if not drawn:
        return None
    plain = _commonest(drawn)
    figures = [_figure(f"{identity}-{number}", one, classes, plain) for number, one in enumerate(drawn)]
    return join((_legend(drawn, classes, plain), tag("div", *figures, class_="examples")))


def _read(one: ExampleReport) -> _Drawn | None:
    size = (one.height, one.width)
    picture = unpacked(one.pixels, (*size, 3))
    if picture is None:
        return None
    masks = {stage: unpacked(_marks_of(one, stage).mask, size) for stage in _STAGES}
    pictures = {stage: unpacked(_marks_of(one, stage).pixels, (*size, 3)) for stage in _STAGES}
    return _Drawn(
        one, picture, {stage: mask for stage, mask in masks.items() if mask is not None},
        {stage: found for stage, found in pictures.items() if found is not None},
    )


def _commonest(drawn: Sequence[_Drawn]) -> int:
    """The class that most pixels are of; -1 without masks."""
    masks = [one.masks["true"].ravel() for one in drawn if "true" in one.masks]
    counts = np.bincount(np.concatenate(masks), minlength=UNLABELLED + 1)[:UNLABELLED] if masks else None
    return -1 if counts is None or not counts.any() else int(counts.argmax())


def _figure(identity: str, one: _Drawn, classes: Sequence[str], plain: int) -> Html:
    scale = _SIDE / max(one.picture.shape[:2])
    height, width = (side * scale for side in one.picture.shape[:2])
    panels: list[Html] = []
    names = ("input", *_STAGES) if one.pictures else _STAGES
    for name in names:
        parts = [_image(one.pictures[name], width, height)] if name in one.pictures else [
            tag("use", href=f"#{identity}-p") if panels
            else tag("g", _image(one.picture, width, height), id=f"{identity}-p")
        ]
        if name in one.masks:
            parts.append(_image(_coloured(one.masks[name], plain), width, height, crisp=True))
        boxes = one.marks(name).boxes if name != "input" else ()
        parts += [_box(box, width, height, classes) for box in boxes]
        title = f"Test sample {one.example.sample}, {name}"
        told = f"{_WHO[name]}{_told(one, name, classes, plain)}."
        panel = drawing(f"{identity}-{name}", title, told, width, height, *parts)
        panels.append(tag("div", panel.markup, tag("p", name)))
    name = f"Test sample {one.example.sample}, {', '.join(names)}"
    caption = tag("figcaption", typeset(_caption(one)))
    return tag("figure", tag("div", *panels, class_="panels"), caption, aria_label=name)


def _image(pixels: np.ndarray, width: float, height: float, *, crisp: bool = False) -> Html:
    kind = "crisp" if crisp else None
    return tag("image", href=png_address(pixels), width=width, height=height, class_=kind)


def _coloured(mask: np.ndarray, plain: int) -> np.ndarray:
    shown = (mask != plain) & (mask != UNLABELLED)
    opacity = np.where(shown, _OPACITY, 0).astype(np.uint8)[..., None]
    return np.concatenate([COLOURS[mask % len(COLOURS)], opacity], axis=-1)


def _box(box: BoxReport, width: float, height: float, classes: Sequence[str]) -> Html:
    ymin, xmin, ymax, xmax = (min(max(side, 0.0), 1.0) for side in (box.ymin, box.xmin, box.ymax, box.xmax))
    x, y, name = xmin * width, ymin * height, class_name(box.label, classes)
    words = name if box.score is None else f"{name} {box.score:.2f}"
    kind = f"box k{box.label % len(COLOURS)}"
    fits = x + 3 + _CHARACTER * len(words) <= width
    return join((
        tag("rect", tag("title", words), x=x, y=y, width=max(xmax - xmin, 0.0) * width,
            height=max(ymax - ymin, 0.0) * height, class_=kind),
        label(x + 3 if fits else width - 3, min(y + 13, height - 3), words, anchor="start" if fits else "end",
              kind="boxed"),
    ))


def class_name(number: int, classes: Sequence[str]) -> str:
    """The name of a class, or its number where it has none."""
    name = classes[number] if 0 <= number < len(classes) else str(number)
    return f"class {name}" if name == str(number) else name


def _told(one: _Drawn, name: str, classes: Sequence[str], plain: int) -> str:
    """What a panel shows, for those who cannot see it."""
    if name in one.masks:
        mask = one.masks[name]
        shares = [
            f"{class_name(int(number), classes)} on {100 * np.mean(mask == number):.1f} %"
            for number in np.unique(mask) if number not in (plain, UNLABELLED)
        ]
        return f": {', '.join(shares) or 'nothing'} of the picture"
    boxes = () if name == "input" else one.marks(name).boxes
    if not any(one.marks(stage).boxes for stage in _STAGES):
        return ""
    return f": {', '.join(class_name(box.label, classes) for box in boxes) or 'no boxes'}"


def _caption(one: _Drawn) -> str:
    start = f"Test sample {one.example.sample}"
    if len(one.masks) == len(_STAGES):
        counted = one.masks["true"] != UNLABELLED
        right = [np.mean((one.masks[stage] == one.masks["true"])[counted]) for stage in _STAGES[1:]]
        if counted.any():
            original, deployed = (100 * one for one in right)
            return (
                f"{start}: the original is right on {original:.1f} % of the pixels, the deployed model on "
                f"{deployed:.1f} %."
            )
    counts = [len(one.marks(stage).boxes) for stage in _STAGES]
    if any(counts):
        true, original, deployed = counts
        found = f"the original found {original}, the deployed model {deployed}"
        return f"{start}: {true} true box{'es' * (true != 1)}; {found}."
    return f"{start}."


def _legend(drawn: Sequence[_Drawn], classes: Sequence[str], plain: int) -> Html | None:
    found = {
        int(number) for one in drawn for mask in one.masks.values() for number in np.unique(mask)
        if number != UNLABELLED
    } | {box.label for one in drawn for stage in _STAGES for box in one.marks(stage).boxes}
    if not found:
        return None
    items = [
        tag("li", tag("span", class_=f"swatch k{number % len(COLOURS)}") if number != plain else None,
            class_name(number, classes) + (" (not coloured)" if number == plain else ""))
        for number in sorted(found)[:40]
    ]
    return tag("ul", *items, class_="legend")
