"""Where trials run: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from edgeprune.search.study import require
from edgeprune.search.trial import WorkerLostError, run_apart

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from edgeprune.search.trial import Assignment, Outcome


@contextlib.contextmanager
def workers(
    ray_address: str | None, job: Callable[[Assignment], Outcome] = run_apart
) -> Iterator[Callable[[Assignment], Outcome]]:
    """What runs an assignment, and raises `WorkerLostError` where the worker went away.

    Args:
        ray_address: None for processes here; "auto" for the cluster of this machine; or ``host:port``.
        job: what runs an assignment on the worker.

    Raises:
        InputError: Ray is missing.
    """
    if ray_address is None:
        yield job
        return
    ray = require("ray")
    with contextlib.redirect_stdout(None):
        ray.init(address=ray_address, log_to_driver=False, ignore_reinit_error=True)
    # The sweep gives a lost trial back by itself, so that it is known where it was lost.
    remote = ray.remote(num_cpus=1, max_retries=0)(job)

    def run(assignment: Assignment) -> Outcome:
        reference = remote.remote(assignment)
        try:
            outcome: Outcome = ray.get(reference)
        except ray.exceptions.RayError as error:
            raise WorkerLostError(f"Trial {assignment.slot}: {type(error).__name__}.") from error
        return outcome

    try:
        yield run
    finally:
        ray.shutdown()
