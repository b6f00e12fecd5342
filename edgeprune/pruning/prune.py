"""`edgeprune.prune`: a model in, a smaller model of the same Keras flavour out. No training."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from edgeprune.pruning import importance
from edgeprune.pruning.allocation import Limits
from edgeprune.pruning.prepared import Prepared

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from edgeprune.pruning.result import PruneResult


def prune(
    model: Any,
    amount: float = 0.5,
    *,
    calibration: Any = None,
    labels: Any = None,
    criterion: str = importance.DEFAULT,
    allocation: str = "global",
    unit: str = "neurons",
    min_width: int = 1,
    round_to: int = 1,
    protect: Sequence[str] = (),
    ratios: Mapping[str, float] | None = None,
    threshold: float | None = None,
    repair: bool = True,
    seed: int = 0,
    progress: Callable[[str, float], None] | None = None,
) -> PruneResult:
    """Removes neurons from a trained model, and repairs what is left. No training, no labels.

    Args:
        model: a tf_keras or Keras 3 model, or the path of one; it is not changed.
        amount: share to remove, at least; 0 to below 1.
        calibration: samples as the model takes them: an array, a list with one array for each
            input, or a dictionary by input name. 1000 are plenty. None: data-free.
        labels: class numbers of the samples, for the criterion "taylor" alone.
        criterion: what goes first, a name from `edgeprune.pruning.importance.CRITERIA`.
        allocation: "global" (the model's outputs decide which layers lose most) or "uniform".
        unit: what `amount` is a share of: "neurons", "params" or "macs".
        min_width: channels that stay in every group.
        round_to: kept counts are multiples of this.
        protect: name patterns (``"stem*"``) of layers that keep all channels.
        ratios: name pattern to the share that exactly these layers lose.
        threshold: in place of `amount`: neurons go whose cost, by the criterion, is below this
            multiple of the mean cost in their group.
        repair: whether to refit the layers to the calibration data.
        seed: the same seed gives the same model.
        progress: called with the step's name and its fraction done.

    Raises:
        InputError: the model cannot be read, a setting is not understood, or not so much can go.
        VerificationError: the stripped model is not the masked original.
    """
    prepared = Prepared(
        loaded(model),
        calibration,
        labels=labels,
        criterion=criterion,
        allocation=allocation if threshold is None else "uniform",
        seed=seed,
        progress=progress,
    )
    limits = Limits(min_width, round_to, tuple(protect), dict(ratios or {}))
    if threshold is not None:
        return prepared.prune_to(prepared.counts_above(threshold, limits), repair=repair)
    return prepared.prune(amount, unit=unit, limits=limits, repair=repair)


def loaded(model: Any) -> Any:
    """The model itself, or the one in a file."""
    if not isinstance(model, str) and not hasattr(model, "__fspath__"):
        return model
    from edgeprune.keras_bridge.load import load_model

    return load_model(model)
