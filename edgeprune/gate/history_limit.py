"""`check --against-history`: is this build slower than its own history allows?"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

from device_runners.history import PastRun, past_runs, series_of
from device_runners.trends import LEAST_RUNS, control_limit
from edgeprune.errors import DeviceError, EdgepruneError
from edgeprune.gate.limits import AGAINST_HISTORY
from edgeprune.gate.result import Judgement, Status
from edgeprune.run_record import RunRecord


@dataclasses.dataclass(frozen=True)
class AgainstHistory:
    """The file, and what the model goes by in it."""

    path: Path
    name: str


def history_judgements(
    against: AgainstHistory, records: Mapping[str, RunRecord | EdgepruneError]
) -> tuple[Judgement, ...]:
    """One for each device; a history that is too short cannot be a limit, which is no pass.

    Raises:
        InputError: no history, or a damaged one.
    """
    runs = past_runs(against.path)
    return tuple(_judgement(against.name, device, record, runs) for device, record in records.items())


def _judgement(
    name: str, device: str, record: RunRecord | EdgepruneError, runs: Sequence[PastRun]
) -> Judgement:
    limit = AGAINST_HISTORY.name
    if isinstance(record, EdgepruneError):
        failed = isinstance(record, DeviceError)
        return Judgement(
            limit, Status.UNMEASURED, 0.0, device=device, reason=str(record), device_failed=failed
        )
    alike = [one.record.latency.p50_ms for one in runs if one.series == series_of(name, record)]
    bounds = control_limit(alike)
    if bounds is None:
        reason = (
            f"the history holds {len(alike)} runs of {name} with these settings; {LEAST_RUNS} since the last "
            "change are needed. Measure: edgeprune bench BUNDLE --history"
        )
        return Judgement(limit, Status.UNMEASURED, 0.0, device=device, reason=reason)
    found, (level, allowed) = record.latency.p50_ms, bounds
    status = Status.BROKEN if AGAINST_HISTORY.broken(found, allowed) else Status.HELD
    source = f"p50; {AGAINST_HISTORY.show(level)} in {len(alike)} earlier runs"
    return Judgement(limit, status, allowed, found, source, device)
