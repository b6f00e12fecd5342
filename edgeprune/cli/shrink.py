"""`edgeprune shrink`: removes neurons that can never change an output."""

from __future__ import annotations

import pathlib
from typing import TYPE_CHECKING, Annotated

import typer

from edgeprune.cli.busy import busy
from edgeprune.cli.options import CustomObjects, TrustModel
from edgeprune.cli.output import say, say_document

if TYPE_CHECKING:
    import numpy as np

EXAMPLES = """Examples

edgeprune shrink mine.keras --out smaller.keras"""
_OUT = "File to write. Default: MODEL-shrunk.keras, beside MODEL."
_SAMPLES = "Inputs on which both models are also compared: .npy, or .npz by input name."

_WHY = {
    "constant": ("always gives the same value", "always give the same value"),
    "unread": ("is read by no layer", "are read by no layer"),
    "duplicate": ("is a copy of another", "are copies of others"),
}


def shrink(
    model: Annotated[pathlib.Path, typer.Argument(help="A .keras or .h5 file, or a SavedModel folder.")],
    out: Annotated[pathlib.Path | None, typer.Option("--out", help=_OUT)] = None,
    custom_objects: CustomObjects = "",
    samples: Annotated[pathlib.Path | None, typer.Option("--samples", help=_SAMPLES)] = None,
    trust_model: TrustModel = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Remove only neurons that can never change an output."""
    from edgeprune import jsonable
    from edgeprune.keras_bridge.load import check_target, save_model
    from edgeprune.keras_bridge.shrink import shrink as shrink_model
    from edgeprune.keras_bridge.silence import import_quietly

    target = out or model.with_name(f"{model.stem}-shrunk.keras")
    check_target(target)
    given = None if samples is None else _arrays(samples)
    with busy(f"Looking for neurons of {model} that change nothing", enabled=not as_json):
        import_quietly()
        result = shrink_model(model, given, trust_model=trust_model, custom_objects=custom_objects)
        save_model(result.model, target)
    report = result.report
    if as_json:
        say_document(jsonable.dumps({**jsonable.encode(report), "model": str(target)}, indent=1))
        return
    for removal in report.removals:
        one = removal.channels == 1
        why = _WHY[removal.reason][0 if one else 1]
        say(f"{removal.group}: {removal.channels} neuron{'' if one else 's'} {why}")
    before, after = report.before, report.after
    say(f"Neurons: {before.neurons:,} → {after.neurons:,}")
    say(f"Parameters: {before.params:,} → {after.params:,}. MACs: {before.macs:,} → {after.macs:,}.")
    proof = report.equivalence
    say(
        f"The outputs differ by at most {proof.max_abs_error:.2g} on {proof.samples} samples "
        f"(rounding explains up to {proof.tolerance:.2g})."
    )
    say(f"Written: {target}")


def _arrays(path: pathlib.Path) -> np.ndarray | dict[str, np.ndarray]:
    import numpy as np

    from edgeprune.errors import InputError

    try:
        found = np.load(path, allow_pickle=False)
        return found if isinstance(found, np.ndarray) else dict(found)
    except (OSError, ValueError, EOFError) as error:
        found = f"{path} holds no samples ({error})."
        raise InputError(found, "An .npy or .npz file of numbers is expected.") from error
