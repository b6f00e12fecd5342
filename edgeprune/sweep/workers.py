"""Where trials run: processes of this machine, or a Ray cluster."""

import contextlib
import dataclasses
import platform
import tempfile
import threading
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

from edgeprune import jsonable
from edgeprune.errors import InputError
from edgeprune.pipeline.fingerprint import versions
from edgeprune.sweep import file_transfer
from edgeprune.sweep.optional_packages import require
from edgeprune.sweep.subprocess_trial import WorkerLostError, end_all, run_in_subprocess
from edgeprune.sweep.trial import Assignment, Message, Outcome

if TYPE_CHECKING:
    import ray

Messages = Generator[Message, None, None]
TrialRunner = Callable[[Assignment], Messages]


class LocalWorkers:
    """Runs assignments in processes of this machine, `places` at once unless the user says otherwise."""

    def __init__(self, runner: TrialRunner) -> None:
        self.run, self.end, self.places = runner, end_all, 1


class RayWorkers:
    """Ray's workers. Model and data travel to a machine that does not have them; bundles come back.

    The sweep gives a lost trial back, Ray does not retry it: so a trial counts once, and a loss is known.
    """

    def __init__(self, module: ModuleType, runner: TrialRunner) -> None:
        self._ray, self._runner = module, runner
        self.places = max(int(module.cluster_resources().get("CPU", 1)), 1)
        # One core for each: Ray then sets OMP_NUM_THREADS, so that trials leave each other's alone.
        self._remote = module.remote(num_cpus=1, max_retries=0, num_returns="streaming")(on_node)
        self._active: set[ray.ObjectRefGenerator] = set()
        self._sent: tuple[dict[str, str], ray.ObjectRef] | None = None
        self._lock = threading.Lock()

    def run(self, assignment: Assignment) -> Messages:
        """The messages of a trial, the outcome last; its files are then in the assignment's folder.

        Raises:
            WorkerLostError: the worker went away.
        """
        checksums = file_transfer.checksums_of(assignment)
        try:
            if not (yield from self._messages(assignment, checksums, None)):
                yield from self._messages(assignment, checksums, self._inputs(assignment, checksums))
        except self._ray.exceptions.RayError as error:
            raise WorkerLostError(f"{type(error).__name__}: {str(error).strip()[-300:]}") from error

    def _inputs(self, assignment: Assignment, checksums: dict[str, str]) -> "ray.ObjectRef":
        """The files, once in Ray's object store."""
        with self._lock:
            if self._sent is None or self._sent[0] != checksums:
                self._sent = checksums, self._ray.put(file_transfer.pack_inputs(assignment))
            return self._sent[1]

    def _messages(
        self, assignment: Assignment, checksums: dict[str, str], sent: "ray.ObjectRef | None"
    ) -> Generator[Message, None, bool]:
        """Passes messages on; returns False where the machine does not have the files."""
        stream = self._remote.remote(self._runner, jsonable.dumps(assignment), versions(), checksums, sent)
        self._active.add(stream)
        try:
            for reference in stream:
                kind, content = self._ray.get(reference)
                if kind == "missing":
                    return False
                if kind == "files":
                    file_transfer.unpack(content, Path(assignment.out))
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


WorkerPool = LocalWorkers | RayWorkers
"""Called from several threads."""


def on_node(
    runner: TrialRunner, text: str, packages: dict[str, str], checksums: dict[str, str], sent: bytes | None
) -> Iterator[tuple[str, str | bytes]]:
    """A trial on some machine of a cluster; its bundle is sent, since no disk need be shared."""
    assignment = jsonable.loads(Assignment, text, "The assignment")
    if packages != versions():
        other = dict(sorted(versions().items() - packages.items()))
        error = f"{platform.node()} has other packages ({other}) than the machine that asks ({packages})."
        yield "message", jsonable.dumps(Message(outcome=Outcome(error=error, bad_input=True)))
        return
    try:
        given = file_transfer.on_this_machine(assignment, checksums, sent)
    except FileNotFoundError:
        yield "missing", ""
        return
    with tempfile.TemporaryDirectory(prefix="edgeprune-") as folder:
        out = Path(folder) / "out"
        for message in runner(dataclasses.replace(given, out=str(out))):
            if message.outcome is not None and out.is_dir():
                yield "files", file_transfer.pack({file.name: file for file in out.iterdir()})
            yield "message", jsonable.dumps(message)


@contextlib.contextmanager
def worker_pool(ray_address: str | None, runner: TrialRunner = run_in_subprocess) -> Iterator[WorkerPool]:
    """Processes here without an address; else a Ray cluster: ``host:port``, or "auto" for the local one.

    Raises:
        InputError: Ray is missing, or there is no cluster at that address.
    """
    if ray_address is None:
        yield LocalWorkers(runner)
        return
    if ray_address.startswith("ray://"):
        raise InputError(
            f"--ray is {ray_address}.", "auto or HOST:PORT is expected, from a machine of the cluster.",
            "Run `ray start --address=HOST:PORT` here, or edgeprune there.",
        )
    ray = require("ray")
    try:
        ray.init(address=ray_address, log_to_driver=False, configure_logging=True, logging_level="ERROR")
    except (ConnectionError, ValueError, RuntimeError) as error:
        raise InputError(
            f"There is no Ray cluster at {ray_address} ({str(error).strip().splitlines()[0][:200]}).",
            "auto or HOST:PORT of a running one is expected.",
            "Start one: ray start --head --port=6379, and on other machines ray start --address=HOST:6379.",
        ) from error
    try:
        yield RayWorkers(ray, runner)
    finally:
        ray.shutdown()
