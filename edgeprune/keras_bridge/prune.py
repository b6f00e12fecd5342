"""`edgeprune.prune`: a model in, a smaller model of the same Keras version out. No training."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from os import PathLike

from edgeprune.keras_bridge.calibration import calibration_of
from edgeprune.keras_bridge.drawn import drawn_sentence
from edgeprune.keras_bridge.load import load_if_path
from edgeprune.keras_bridge.network import KerasNetwork, network_of
from edgeprune.keras_types import KerasModel
from edgeprune.keywords import checked
from edgeprune.pruning import importance
from edgeprune.pruning.analysis import PruningAnalysis
from edgeprune.pruning.constraints import Constraints
from edgeprune.pruning.result import PruneResult
from edgeprune.recipe.sections import Allocation, Criterion, Unit


@checked(amount="ratio", repair="reconstruct")
def prune(
    model: KerasModel | str | PathLike[str], ratio: float = 0.5, *, calibration: object = None,
    labels: object = None, criterion: Criterion = importance.DEFAULT, allocation: Allocation = "global",
    unit: Unit = "neurons", min_width: int = 1, round_to: int = 1, protect: str | Sequence[str] = (),
    ratios: Mapping[str, float] | None = None, threshold: float | None = None, reconstruct: bool = True,
    seed: int = 0, progress: Callable[[str, float], None] | None = None,
    custom_objects: Mapping[str, object] | str | None = None, trust_model: bool = False,
) -> PruneResult:
    """Removes neurons from a trained model and refits what is left. Needs no training and no labels.

    >>> result = edgeprune.prune(model, 0.5, calibration=x)
    >>> result.report.removed.neurons
    0.5
    >>> smaller = result.model

    Args:
        model: a tf_keras or Keras 3 model, or the path of one; it is not changed.
        ratio: what to remove, at least; 0 to below 1.
        calibration: samples as the model takes them: an array, a list with one array for each
            input, a dictionary by input name, a DataFrame, ``(x, y)``, or a ``tf.data.Dataset``, a
            Keras ``Sequence`` or ``PyDataset``, or a generator, of which the first 4096 samples are
            read. 1000 are plenty. None: data-free.
        labels: class numbers of the samples, for the criterion "taylor" alone; by default those in
            `calibration`, where there are some.
        criterion: which neurons go first, a name from `edgeprune.pruning.importance.CRITERIA`.
        allocation: "global" (the model's outputs decide which layers lose most) or "uniform".
        unit: what `ratio` is a ratio of: "neurons", "params" or "macs".
        min_width: channels that stay in every group.
        round_to: kept counts are multiples of this.
        protect: name patterns (``"stem*"``) of layers that keep all channels.
        ratios: name pattern to the share that exactly these layers lose.
        threshold: in place of `ratio`: remove neurons whose importance is below this multiple of the
            mean in their group.
        reconstruct: whether to refit the layers to the calibration data.
        seed: the same seed gives the same model.
        progress: called with the step's name and its fraction done.
        custom_objects: your own layers, losses and metrics by name, or the module that holds them.
        trust_model: allow code inside the model file to run.

    Raises:
        InputError: the model cannot be read, all its outputs are random, a setting is not understood, or the
            ratio cannot be reached.
        VerificationError: the compacted model differs from the masked original.
    """
    model = load_if_path(model, trust=trust_model, custom_objects=custom_objects)
    samples, numbers = calibration_of(model, calibration, labels)
    network = network_of(model)
    drawn = network.drawn_outputs(samples)
    analysis = analyze(
        network, samples, labels=numbers, criterion=criterion,
        allocation=allocation if threshold is None else "uniform", seed=seed, progress=progress,
    )
    constraints = Constraints(min_width, round_to, _names(protect), dict(ratios or {}))
    if threshold is not None:
        allocated = analysis.allocate_above(threshold, constraints)
        result = analysis.prune_to(allocated, reconstruct=reconstruct)
    else:
        result = analysis.prune(ratio, unit=unit, constraints=constraints, reconstruct=reconstruct)
    return _with_note(result, [network.layer_of_output(number) for number in drawn])


def _with_note(result: PruneResult, drawn: Sequence[str]) -> PruneResult:
    """A result that names the outputs that are drawn at each call."""
    if not drawn:
        return result
    note = f"{drawn_sentence(drawn)} Pruning compares with the same numbers drawn."
    report = dataclasses.replace(result.report, notes=(note, *result.report.notes))
    return dataclasses.replace(result, report=report)


def _names(given: str | Sequence[str]) -> tuple[str, ...]:
    return (given,) if isinstance(given, str) else tuple(given)


def analyze(
    model: KerasModel | KerasNetwork, calibration: object = None, *, labels: object = None,
    criterion: str = importance.DEFAULT, allocation: str = "global", seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> PruningAnalysis:
    """Reads a model, unless it was read, and finds out all that does not depend on the ratio.

    The other arguments are those of `PruningAnalysis`.
    """
    return PruningAnalysis(
        model if isinstance(model, KerasNetwork) else network_of(model), calibration, labels=labels,
        criterion=criterion, allocation=allocation, seed=seed, progress=progress,
    )
