"""Run the Python agent on a device.

It travels as one zip of tens of kB: its own modules and edgeprune's light ones. Some packages' `__init__`
files serve the host only; empty ones take their place. Fixed time stamps make equal sources equal bytes, so
that a device can keep the zip by its hash.
"""

import dataclasses
import io
import zipfile
from pathlib import Path

from device_runners.agent.job import InterleavedJob, InterleavedTimes, Job
from device_runners.execution import received, run_program
from device_runners.options import BenchOptions, Target
from device_runners.plausible import check_times
from device_runners.scripts import ANY_PYTHON
from device_runners.session import Session
from edgeprune import jsonable
from edgeprune.bundle.read import MODEL
from edgeprune.run_record import RunRecord

_ROOT = Path(__file__).parents[1]
_LIGHT = (
    "device_runners/agent/*.py",
    "edgeprune/metrics/*.py", "edgeprune/preprocessing/*.py",
    "edgeprune/tasks/scoring.py", "edgeprune/tasks/output_task.py", "edgeprune/tasks/detection.py",
    "edgeprune/tasks/greedy.py",
    "edgeprune/errors.py", "edgeprune/jsonable.py", "edgeprune/types.py",
    "edgeprune/run_parts.py", "edgeprune/run_record.py",
    "edgeprune/bundle/read.py", "edgeprune/bundle/eval_data.py", "edgeprune/bundle/manifest_problems.py",
)
_EXTRAS = "device_runners/agent/extras/*.py"
_EMPTY = (
    "edgeprune/__init__.py", "edgeprune/bundle/__init__.py", "edgeprune/tasks/__init__.py",
    "device_runners/__init__.py",
)
_MAIN = (
    "import device_runners.agent.own_memory\nimport sys\nfrom device_runners.agent.main import main\n"
    "sys.exit(main())\n"
)
_EPOCH = (1980, 1, 1, 0, 0, 0)


def agent_zip(*, extras: bool = False) -> bytes:
    """Content of the zip; run it as ``python3 agent.zip``. With `extras` it can do more than a plain run."""
    files = {"__main__.py": _MAIN, **dict.fromkeys(_EMPTY, "")}
    patterns = (*_LIGHT, _EXTRAS) if extras else _LIGHT
    for path in (path for pattern in patterns for path in _ROOT.glob(pattern)):
        files[path.relative_to(_ROOT).as_posix()] = path.read_text(encoding="utf-8")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in sorted(files.items()):
            archive.writestr(zipfile.ZipInfo(name, _EPOCH), text, zipfile.ZIP_DEFLATED, 9)
    return buffer.getvalue()


def run_agent(session: Session, target: Target, options: BenchOptions) -> RunRecord:
    """Upload the agent and the target; measure, evaluate."""
    session.upload({"agent.zip": agent_zip(extras=bool(options.extras)), **target.device_files("bundle")})
    job = Job(
        session.transport.device, options.settings(), bundle="bundle" if target.bundle else None,
        model=None if target.bundle else f"bundle/{MODEL}", eval_samples=options.eval_samples,
        min_time_s=options.min_time_s, shapes=options.shapes, profile_s=options.profile_s,
        sustained_s=options.sustained_s, concurrent=options.concurrent, cpus=options.cpus,
        accelerator=options.accelerator, energy=options.energy, power_command=options.power_command,
    )
    text = _run_python(session, job, options)
    record = received(RunRecord, text, session.transport.device)
    return dataclasses.replace(record, model=dataclasses.replace(record.model, name=target.model.name))


def run_interleaved(session: Session, job: InterleavedJob, options: BenchOptions) -> InterleavedTimes:
    """Time models in turn in one process; they and ``agent.zip`` are in the session's folder already."""
    text = _run_python(session, job, options, "interleaved")
    device = session.transport.device
    return check_times(received(InterleavedTimes, text, device), job, device)


def _run_python(session: Session, job: Job | InterleavedJob, options: BenchOptions, *arguments: str) -> bytes:
    python = options.python or session.transport.python
    # -B: no caches are written on the device. The agent's folder is the zip, never the bundle's.
    command = [python, "-B", "agent.zip", *arguments]
    name = "python3" if python == ANY_PYTHON else python
    return run_program(session, command, jsonable.dumps(job).encode(), options.run_limit_s, name).stdout
