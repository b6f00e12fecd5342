"""Where trials run: processes of this machine, or a Ray cluster."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import platform
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.pipeline.fingerprint import versions
from edgeprune.sweep import parcel
from edgeprune.sweep.apart import WorkerLostError, end_all, run_apart
from edgeprune.sweep.storage import require
from edgeprune.sweep.trial import Assignment, Message, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    Messages = Generator[Message, None, None]
    Job = Callable[[Assignment], Messages]


class Workers(Protocol):
    """Runs assignments; called from several threads.

    Attributes:
        places: how many at once, unless somebody says.
    """

    places: int

    def run(self, assignment: Assignment) -> Messages:
        """The messages of a trial, the outcome last; its files are then in the assignment's folder.

        Raises:
            WorkerLostError: the worker went away.
        """

    def end(self) -> None:
        """Ends everything that runs."""


class Here:
    """Processes of this machine."""

    def __init__(self, job: Job) -> None:
        self.run, self.places = job, 1

    def end(self) -> None:
        """Ends the processes."""
        end_all()


class Cluster:
    """Ray's workers. Model and data travel to a machine that does not have them; bundles come back.

    A trial that is lost is given back by the sweep, not retried by Ray: so it is known what was lost,
    and it counts once.
    """

    def __init__(self, ray: Any, job: Job) -> None:
        self._ray, self._job = ray, job
        self.places = max(int(ray.cluster_resources().get("CPU", 1)), 1)
        # One core for each: Ray then sets OMP_NUM_THREADS, so that trials leave each other's alone.
        self._remote = ray.remote(num_cpus=1, max_retries=0, num_returns="streaming")(on_node)
        self._active: set[Any] = set()
        self._sent: Any = None
        self._lock = threading.Lock()

    def run(self, assignment: Assignment) -> Messages:
        """See `Workers.run`."""
        known = parcel.hashes(assignment)
        try:
            if not (yield from self._messages(assignment, known, None)):
                yield from self._messages(assignment, known, self._inputs(assignment, known))
        except self._ray.exceptions.RayError as error:
            raise WorkerLostError(f"{type(error).__name__}: {str(error).strip()[-300:]}") from error

    def _inputs(self, assignment: Assignment, known: dict[str, str]) -> Any:
        """The files, once in Ray's object store."""
        with self._lock:
            if self._sent is None or self._sent[0] != known:
                self._sent = known, self._ray.put(parcel.pack_inputs(assignment))
            return self._sent[1]

    def _messages(self, assignment: Assignment, known: dict[str, str], sent: Any) -> Any:
        """Passes messages on; gives False where the machine has not got the files."""
        stream = self._remote.remote(self._job, jsonable.dumps(assignment), versions(), known, sent)
        self._active.add(stream)
        try:
            for reference in stream:
                kind, content = self._ray.get(reference)
                if kind == "missing":
                    return False
                if kind == "files":
                    parcel.unpack(content, Path(assignment.out))
                else:
                    yield jsonable.loads(Message, content, "What a trial sent")
        finally:
            self._active.discard(stream)
            if self._ray.is_initialized():  # else asking would connect again
                self._ray.cancel(stream)
        return True

    def end(self) -> None:
        """Cancels what runs."""
        for stream in list(self._active):
            self._ray.cancel(stream)


def on_node(
    job: Job, text: str, packages: dict[str, str], known: dict[str, str], sent: bytes | None
) -> Iterator[tuple[str, Any]]:
    """A trial on some machine of a cluster; its bundle is sent, since no disk need be shared."""
    assignment = jsonable.loads(Assignment, text, "The assignment")
    if packages != versions():
        other = dict(sorted(versions().items() - packages.items()))
        error = f"{platform.node()} has other packages ({other}) than the machine that asks ({packages})."
        yield "message", jsonable.dumps(Message(outcome=Outcome(error=error, bad_input=True)))
        return
    try:
        given = parcel.on_this_machine(assignment, known, sent)
    except FileNotFoundError:
        yield "missing", ""
        return
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as room:
        out = Path(room) / "out"
        for message in job(dataclasses.replace(given, out=str(out))):
            if message.outcome is not None and out.is_dir():
                yield "files", parcel.pack({file.name: file for file in out.iterdir()})
            yield "message", jsonable.dumps(message)


def require_ray() -> Any:
    """Imports Ray, which reads its environment when it is imported.

    Raises:
        InputError: it is not installed.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DISABLE_FAILURE_SIGNAL_HANDLER", "1")  # a plain SIGTERM is no crash
    return require("ray")


@contextlib.contextmanager
def workers(ray_address: str | None, job: Job = run_apart) -> Iterator[Workers]:
    """What runs assignments.

    Args:
        ray_address: None for processes here; "auto" for the cluster of this machine; or ``host:port``.
        job: what a worker does with an assignment.

    Raises:
        InputError: Ray is missing, or there is no cluster at that address.
    """
    if ray_address is None:
        yield Here(job)
        return
    ray = require_ray()
    if ray_address.startswith("ray://"):
        raise InputError(
            f"--ray is {ray_address}.", "auto or HOST:PORT is expected, from a machine of the cluster.",
            "Run `ray start --address=HOST:PORT` here, or edgeprune there.",
        )
    try:
        ray.init(address=ray_address, log_to_driver=False, configure_logging=True, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(
            f"There is no Ray cluster at {ray_address} ({str(error).strip().splitlines()[0][:200]}).",
            "auto or HOST:PORT of a running one is expected.",
            "Start one: ray start --head --port=6379, and on other machines ray start --address=HOST:6379.",
        ) from error
    try:
        yield Cluster(ray, job)
    finally:
        ray.shutdown()
