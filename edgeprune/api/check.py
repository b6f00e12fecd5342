"""`edgeprune.check`."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from device_runners.options import BenchOptions
from edgeprune import gate
from edgeprune.api.bench import OwnFunction, options_of, several
from edgeprune.bundle import Bundle
from edgeprune.errors import InputError
from edgeprune.gate import CheckResult, Limits
from edgeprune.gate.history_limit import AgainstHistory
from edgeprune.gate.recipe_limits import PERCENTILES, RecipeLimits, read_limits
from edgeprune.keywords import declares

LIMITS = (
    "max_size", "max_latency", "max_memory", "min_accuracy", "max_drop", "max_energy", "minimum", "maximum",
)
MEASURING = ("threads", "metric", "python", "power_command")


def _check(
    bundle: Path | str | Bundle, limits: Limits | None = None, *, recipe: Path | str | None = None,
    percentile: int | None = None, device: str | Sequence[str] = (),
    against: Path | str | Bundle | None = None, against_history: bool = False,
    history_file: Path | str | None = None, history_name: str | None = None, verify: bool = False,
    verify_key: Path | str | None = None, sign: Path | str | None = None,
    options: BenchOptions | None = None, **given: Any,
) -> CheckResult:
    asked = RecipeLimits() if recipe is None else read_limits(recipe)
    written: dict[str, Any] = {name: _texts(given[name]) for name in LIMITS if name in given}
    kept = Limits.parse(**written).over(limits or Limits()).over(asked.limits)
    if percentile is not None and percentile not in PERCENTILES:
        raise InputError(f"--percentile is {percentile}.", "Expected 50, 90 or 99.")
    past = _history(bundle, history_file, history_name) if against_history else None
    how = options_of(options, {name: given[name] for name in MEASURING if name in given})
    how = dataclasses.replace(how, energy=kept.max_energy_mj is not None)
    if sign is not None and kept == Limits() and not verify and verify_key is None and past is None:
        result = CheckResult(str(Path(bundle)), ())
    else:
        result = gate.check(
            Path(bundle), kept, devices=several(device) or asked.devices, verify=verify,
            against=None if against is None else Path(against), verify_key=verify_key,
            percentile=percentile or asked.percentile or PERCENTILES[0],
            options=how, history=past,
        )
    if sign is not None and result.passed:
        from edgeprune.gate import signing

        signing.sign(Path(bundle), Path(sign))
    return dataclasses.replace(result, notes=(*asked.notes, *result.notes))


def _history(bundle: Path | str | Bundle, file: Path | str | None, name: str | None) -> AgainstHistory:
    from device_runners.history import default_history, series_name

    place = default_history() if file is None else Path(file)
    return AgainstHistory(place, name or series_name(Path(bundle)))


def _texts(given: object) -> object:
    """None where nothing is asked for; several as a list."""
    return list(given) or None if isinstance(given, (list, tuple)) else given


@declares(_check, devices="device")
def check(
    bundle: Path | str | Bundle, limits: Limits | None = None, *, max_size: str | None = None,
    max_latency: str | None = None, max_memory: str | None = None, min_accuracy: float | str | None = None,
    max_drop: float | str | Sequence[str] | Mapping[str, float] | None = None,
    max_energy: str | None = None, power_command: str | None = None,
    minimum: str | Sequence[str] | Mapping[str, float] | None = None,
    maximum: str | Sequence[str] | Mapping[str, float] | None = None, percentile: int | None = None,
    recipe: Path | str | None = None, device: str | Sequence[str] = (), threads: int = 1,
    metric: OwnFunction | str | None = None, python: str | None = None,
    against: Path | str | Bundle | None = None, against_history: bool = False,
    history_file: Path | str | None = None, history_name: str | None = None, verify: bool = False,
    verify_key: Path | str | None = None, sign: Path | str | None = None, options: BenchOptions | None = None,
) -> CheckResult:
    """Compares a bundle's figures with limits. A broken limit is no error here; `require` makes it one.

    >>> result = edgeprune.check("build/mine", max_size="2MB")
    >>> result.passed
    True
    >>> edgeprune.check("build/mine", max_size="1kB").passed
    False

    Args:
        bundle: a bundle, or the output folder of a build.
        limits: limits in one value, see `edgeprune.Limits.parse`; those that are written out win.
        max_size: size of model.tflite, such as ``"200kB"``.
        max_latency: latency of one inference, such as ``"5ms"``.
        max_memory: peak memory of the process, such as ``"64MB"``.
        min_accuracy: accuracy on test data, such as 0.95 or ``"95%"``.
        max_drop: points lost against the original; ``{"box/r2": 1}`` limits single metrics.
        max_energy: energy of one inference on `device`, such as ``"2mJ"``.
        power_command: command on the device that prints its power in watts.
        minimum: what metrics must reach, such as ``{"class/accuracy": 90}``.
        maximum: the same for metrics of which less is better.
        percentile: of the latency: 50 (default), 90 or 99.
        recipe: TOML file with a ``[limits]`` table; everything else wins over it.
        device: one device or several to measure on. Without any, the figures of report.json count.
        threads: threads of the runtime on devices.
        metric: your own metric, ``f(y_true, outputs) -> {name: value}``, or its name.
        python: Python on the devices, such as that of a venv.
        against: an earlier bundle, or a folder of them, to say since when a limit is broken.
        against_history: refuse a latency above what earlier runs on `device` vary by.
        history_file: SQLite file of the history. Default: in your data folder.
        history_name: what the model goes by in the history. Default: its path.
        verify: refuse a damaged or edited bundle.
        verify_key: public key (PEM) that the bundle must be signed with.
        sign: private key (PEM) to sign the bundle with, once everything holds.
        options: how to measure, in one value; keywords win.

    Raises:
        InputError: there is nothing to check, or a bundle, limit or device that cannot be used.
    """
    raise NotImplementedError  # `_check` is called
