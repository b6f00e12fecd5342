"""Python for the outputs of a model."""

from collections.abc import Sequence

from edgeprune.exports.outputs import OutputPlan

PREDICTION = (
    'class Prediction(NamedTuple):\n    """One label and its score."""\n\n'
    "    label: str\n    score: float\n\n\n"
)

DETECTION = (
    'class Detection(NamedTuple):\n    """One object; its box as fractions of the picture."""\n\n'
    "    label: str\n    score: float\n"
    "    ymin: float\n    xmin: float\n    ymax: float\n    xmax: float\n\n\n"
)
_AREA = '''class PictureArea(NamedTuple):
    """Where a picture stands in the model's input, between bars of one grey: as fractions of that input."""

    ymin: float
    xmin: float
    ymax: float
    xmax: float

    def y(self, value: float) -> float:
        """A height in the model's input, 0 to 1, as one in the picture."""
        return min(max((value - self.ymin) / (self.ymax - self.ymin), 0.0), 1.0)

    def x(self, value: float) -> float:
        """A place from left to right, likewise."""
        return min(max((value - self.xmin) / (self.xmax - self.xmin), 0.0), 1.0)


def picture_area(height: int, width: int) -> PictureArea:
    """Of a picture of this size."""
    return PictureArea(*_area((height, width), {}))


'''


def picture_area(wanted: tuple[int, int] | None) -> str:
    """Where a picture stands in an input of the `wanted` size; empty where it fills that."""
    return "" if wanted is None else _AREA.format(wanted)


def detections(heads: OutputPlan | None, *, barred: bool) -> str:
    """A method that finds objects in raw heads, in fractions of the picture without its bars."""
    if heads is None:
        return ""
    size, of = (", height: int, width: int", "; of a picture of this size") if barred else ("", "")
    text = (
        f"\n    def detections(self{size}) -> List[Detection]:\n"
        f'        """Objects without those that others suppress, the most certain first{of}."""\n'
        f"        rows = detections(self.{heads.name}[None])[0].tolist()\n"
        "        names = dict(enumerate(LABELS))\n"
        "        found = [(int(row[0]), row[1:]) for row in rows if row[0] >= 0]\n"
    )
    if not barred:
        return text + (
            "        return [Detection(names.get(number, str(number)), *rest) for number, rest in found]\n"
        )
    return text + (
        "        area = picture_area(height, width)\n"
        "        return [\n"
        "            Detection(\n"
        "                names.get(number, str(number)), score,\n"
        "                area.y(ymin), area.x(xmin), area.y(ymax), area.x(xmax),\n"
        "            )\n"
        "            for number, (score, ymin, xmin, ymax, xmax) in found\n"
        "        ]\n"
    )


def fields(outputs: Sequence[OutputPlan]) -> str:
    """The outputs in a tuple with names."""
    return "".join(f"    {one.name}: np.ndarray\n" for one in outputs)


def ranked(one: OutputPlan | None) -> str:
    """A method that ranks the labels; empty where no output has scores of them."""
    if one is None:
        return ""
    values = f"self.{one.name}"
    scores = f"[1.0 - {values}.item(), {values}.item()]" if one.binary else f"{values}.ravel().tolist()"
    return (
        "\n    def ranked(self) -> List[Prediction]:\n"
        '        """Labels with their scores, the best one first."""\n'
        f"        scores = {scores}\n"
        "        return sorted(map(Prediction, LABELS, scores), key=lambda one: -one.score)\n"
    )
