"""`check`: limits against figures; where one is broken, since which earlier bundle."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from device_runners import DEFAULT_OPTIONS, BenchOptions, bench_devices
from edgeprune.bundle import Bundle, read_bundle
from edgeprune.bundle.read import MANIFEST
from edgeprune.errors import DeviceError, EdgepruneError, InputError
from edgeprune.gate.history_limit import AgainstHistory, history_judgements
from edgeprune.gate.limits import Limit, Limits
from edgeprune.gate.result import CheckResult, Judgement, Past, Status, VerifiedPart
from edgeprune.report.figures import (
    Figure,
    built_figures,
    built_metric,
    device_figures,
    device_metric,
    figure_names,
    size_of,
)
from edgeprune.run_record import RunRecord

_NO_LIMITS = Limits()


def check(
    bundle: Path | str, limits: Limits = _NO_LIMITS, *, devices: Sequence[str] = (),
    against: Path | str | None = None, verify: bool = False, verify_key: Path | str | None = None,
    percentile: int = 50, options: BenchOptions | None = None, history: AgainstHistory | None = None,
) -> CheckResult:
    """Compare a bundle's figures with limits.

    Args:
        bundle: a build's output folder.
        limits: what it must keep.
        devices: to measure on, such as ``local`` or ``ssh://pi@host``; without any, the figures of
            report.json count. The size always comes from the file itself.
        against: an earlier bundle or a folder of them, to say since when a limit is broken.
        verify: whether to check the bundle itself too; see `edgeprune.gate.verification`.
        verify_key: public key that the bundle must be signed with; see `edgeprune.gate.signing`.
        percentile: of the latency: 50, 90 or 99.
        options: how to measure; None for one thread and the defaults of `bench`.
        history: earlier runs, which the latency on each device is compared with.

    Returns:
        The result; nothing is raised for a broken limit, `CheckResult.require` does that.

    Raises:
        InputError: no limit, no `verify` and no `verify_key`, or a folder that is not a bundle.
    """
    if history is not None and not devices:
        raise InputError(
            "--against-history needs a device.", "Latencies of earlier runs are those of devices.",
            "Name it: --device ssh://pi@raspberrypi.local.",
        )
    if limits == _NO_LIMITS and not verify and verify_key is None and history is None:
        raise InputError(
            "There is nothing to check.", "A limit, --verify or --verify-key was expected.",
            "Pass a limit such as --max-size 200kB, or --recipe with a [limits] table.",
        )
    findings = _findings(bundle, verify_key, verify=verify)
    nothing = limits == _NO_LIMITS and history is None
    if nothing or any(finding.status is Status.BROKEN for finding in findings):
        # Figures of a bundle that is not what it claims to be mean nothing.
        return CheckResult(str(bundle), (), findings)
    opened = read_bundle(Path(bundle))
    _refuse_other_names(limits, opened)
    earlier = [] if against is None else _earlier_bundles(Path(against), opened.path)
    measure = _Measure(percentile, options or DEFAULT_OPTIONS)
    measure.run(opened.path, devices)
    judgements = tuple(
        _judgement(limit, allowed, device, opened, earlier, measure)
        for device in (None, *devices) for limit, allowed in limits.given()
        if (device is None) == (limit.figure == "size" or not devices)
    )
    if history is not None:
        judgements += history_judgements(history, {one: measure.record(opened.path, one) for one in devices})
    notes = tuple(note for device in devices for note in measure.doubts(opened, device))
    return CheckResult(str(bundle), judgements, findings, notes)


def _findings(
    bundle: Path | str, verify_key: Path | str | None, *, verify: bool
) -> tuple[VerifiedPart, ...]:
    """What is said about the bundle itself; a model of somebody else's bundle is not run."""
    if not Path(bundle).is_dir():
        raise InputError(f"{bundle} is not a folder.", "A bundle was expected.", "See `edgeprune build`.")
    found: tuple[VerifiedPart, ...] = ()
    if verify_key is not None:
        from edgeprune.gate.signing import signature_of

        found = (signature_of(bundle, verify_key),)
    if verify and not any(one.status is Status.BROKEN for one in found):
        from edgeprune.gate.verification import verify as verified

        found += verified(bundle)
    return found


def _refuse_other_names(limits: Limits, bundle: Bundle) -> None:
    """Refuses limits of metrics that the bundle does not have."""
    names = figure_names(bundle)
    for limit in limits.metrics:
        metric = limit.partition(" ")[2]
        if metric not in names:
            near = difflib.get_close_matches(metric, names, 1)
            raise InputError(
                f"{bundle.path} has no metric {metric[:60]!r}.",
                f"Its metrics are {', '.join(names) or 'none'}.",
                f"Did you mean {near[0]!r}?" if near else "Use one of these names.",
            )


def _judgement(
    limit: Limit, allowed: float, device: str | None, bundle: Bundle, earlier: Sequence[Bundle],
    measure: _Measure,
) -> Judgement:
    def figure_of(one: Bundle) -> Figure:
        return measure.figure(one, limit.figure, device)

    figure = figure_of(bundle)
    if figure.value is None:
        return Judgement(
            limit.name, Status.UNMEASURED, allowed, device=device, reason=figure.reason,
            device_failed=figure.device_failed,
        )
    status = Status.BROKEN if limit.broken(figure.value, allowed) else Status.HELD
    # On a device an earlier bundle costs a run, which only a broken limit is worth.
    wanted = earlier if device is None or status is Status.BROKEN else ()
    past = tuple(_past_figures(limit, allowed, wanted, figure_of))
    return Judgement(limit.name, status, allowed, figure.value, figure.source, device, past=past)


def _earlier_bundles(against: Path, current: Path) -> list[Bundle]:
    """The bundle `against`, or the bundles in that folder, newest first; an `InputError` for none.

    Newest is by name, numbers counted as such: v2 comes before v10. Times of files say nothing after
    a checkout or a download.
    """
    if (against / MANIFEST).exists():
        return [read_bundle(against)]
    folders = (path.parent for path in against.glob(f"*/{MANIFEST}"))
    found = [folder for folder in folders if folder.resolve() != current.resolve()]
    if not found:
        raise InputError(
            f"{against} holds no earlier bundle.",
            "A bundle, or a folder with bundles in it, was expected after --against.",
        )
    return [read_bundle(path) for path in sorted(found, key=_natural, reverse=True)]


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Digits compare as numbers, the rest as text."""
    pieces = re.findall(r"[0-9]+|[^0-9]+", path.name)
    return [(0, int(piece), "") if piece.isdecimal() else (1, 0, piece) for piece in pieces]


def _past_figures(
    limit: Limit, allowed: float, bundles: Sequence[Bundle], figure_of: Callable[[Bundle], Figure]
) -> Iterator[Past]:
    """The newest earlier bundle's figure, and further ones for as long as the limit is broken there too.

    Measuring a figure may take a while, so none is asked for without need.
    """
    for bundle in bundles:
        value = figure_of(bundle).value
        yield Past(bundle.path.name or str(bundle.path), value)
        if value is None or not limit.broken(value, allowed):
            return


class _Measure:
    """Figures on demand; a bundle runs once on a device at most, on several devices at the same time."""

    def __init__(self, percentile: int, options: BenchOptions) -> None:
        self._percentile = percentile
        self._options = options
        self._records: dict[tuple[Path, str], RunRecord | EdgepruneError] = {}

    def run(self, bundle: Path, devices: Sequence[str]) -> None:
        """Measure a bundle on devices."""
        missing = [device for device in devices if (bundle, device) not in self._records]
        results = bench_devices(bundle, missing, self._options) if missing else []
        self._records.update({(bundle, name): one for name, one in zip(missing, results, strict=True)})

    def figure(self, bundle: Bundle, name: str, device: str | None) -> Figure:
        """One figure of one bundle, on a device or as it was built."""
        if name == "size":
            return size_of(bundle)
        kind, _, metric = name.partition(" ")
        if device is None:
            if not metric:
                return built_figures(bundle, self._percentile)[name]
            return built_metric(bundle, metric, drop=kind == "drop")
        return self._on_device(bundle, name, device)

    def _on_device(self, bundle: Bundle, name: str, device: str) -> Figure:
        kind, _, metric = name.partition(" ")
        record = self.record(bundle.path, device)
        if isinstance(record, EdgepruneError):
            return Figure(None, reason=str(record), device_failed=isinstance(record, DeviceError))
        here = self.record(bundle.path, "local") if kind == "drop" else None
        if isinstance(here, EdgepruneError):
            return Figure(None, reason=f"this machine, for comparison: {here}")
        if metric:
            return device_metric(bundle, record, here, metric, drop=kind == "drop")
        return device_figures(bundle, record, here, self._percentile)[name]

    def doubts(self, bundle: Bundle, device: str) -> Iterator[str]:
        """Why timings on the device may be wrong."""
        record = self.record(bundle.path, device)
        if not isinstance(record, EdgepruneError):
            yield from (f"{device}: unstable: {reason}" for reason in record.unstable)

    def record(self, bundle: Path, device: str) -> RunRecord | EdgepruneError:
        """The run of a bundle on a device, or why there is none."""
        self.run(bundle, [device])
        return self._records[bundle, device]
