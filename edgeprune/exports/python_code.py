"""Python for the outputs of a model."""

from collections.abc import Sequence

from edgeprune.exports.outputs import OutputPlan

PREDICTION = (
    'class Prediction(NamedTuple):\n    """One label and its score."""\n\n'
    "    label: str\n    score: float\n\n\n"
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
