"""Run the Python agent on a device."""

from __future__ import annotations

import dataclasses

from device_runners.agent.job import InterleavedJob, InterleavedTimes, Job
from device_runners.archive import agent_zip
from device_runners.execution import run_program
from device_runners.options import BenchOptions, Target
from device_runners.session import Session
from edgeprune import jsonable
from edgeprune.bundle.read import MODEL
from edgeprune.run_record import RunRecord


def run_agent(session: Session, target: Target, options: BenchOptions) -> RunRecord:
    """Upload the agent and the target; measure, evaluate."""
    session.upload({"agent.zip": agent_zip(), **target.device_files("bundle")})
    job = Job(
        session.transport.device, options.settings(), bundle="bundle" if target.bundle else None,
        model=None if target.bundle else f"bundle/{MODEL}", eval_samples=options.eval_samples,
        min_time_s=options.min_time_s,
    )
    text = _run_python(session, jsonable.dumps(job), options)
    record = RunRecord.from_json(text, f"What {session.transport.device} sent")
    return dataclasses.replace(record, model=dataclasses.replace(record.model, name=target.model.name))


def run_interleaved(session: Session, job: InterleavedJob, options: BenchOptions) -> InterleavedTimes:
    """Time models in turn in one process; they and ``agent.zip`` are in the session's folder already."""
    text = _run_python(session, jsonable.dumps(job), options, "interleaved")
    return jsonable.loads(InterleavedTimes, text, f"What {session.transport.device} sent")


def _run_python(session: Session, job: str, options: BenchOptions, *arguments: str) -> bytes:
    python = options.python or session.transport.python
    # -B: no caches are written on the device. The agent's folder is the zip, never the bundle's.
    command = [python, "-B", "agent.zip", *arguments]
    return run_program(session, command, job.encode(), options.time_limit_s, python).stdout
