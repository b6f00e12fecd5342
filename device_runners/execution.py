"""Run a program on a device, and turn the way it ends into a result or an error."""

import signal
from collections.abc import Sequence
from typing import TypeVar

from device_runners.agent.job import ERROR_MARK, STEP_MARK, JobError
from device_runners.session import RUN_BYTES, CommandResult, Session
from edgeprune import jsonable
from edgeprune.errors import DeviceError, EdgepruneError, InputError

T = TypeVar("T")
DOUBT = "Run it again; if it repeats, check what runs on the device."
_LONGEST_PART = 600  # of an error's sentences

_COMMAND_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def run_program(
    session: Session, command: Sequence[str], stdin: bytes, time_limit_s: float, name: str,
    most_bytes: int = RUN_BYTES,
) -> CommandResult:
    """Run a command in the session's folder; its errors and crashes come back as exceptions.

    At `time_limit_s` the program ends by itself; `name` stands for it in error messages.
    """
    result = session.run(command, stdin, time_limit_s, most_bytes)
    if result.code:
        raise _failure(result, session.transport.device, time_limit_s, name)
    return result


def uploaded(name: str, *arguments: str) -> list[str]:
    """The command that runs an uploaded program.

    Uploaded files carry no mode; a copy is made executable, so that the cached file is not.
    """
    return ["sh", "-c", 'cp "$0" program && chmod 700 program && exec ./program "$@"', name, *arguments]


def _failure(result: CommandResult, device: str, time_limit_s: float, program: str) -> EdgepruneError:
    """What went wrong on the device, from an exit code other than 0 and stderr."""
    lines = result.stderr.splitlines()
    for line in lines:
        if line.startswith(ERROR_MARK):
            return _named_error(line.removeprefix(ERROR_MARK), device, lines)
    steps = [line.removeprefix(STEP_MARK)[:200] for line in lines if line.startswith(STEP_MARK)]
    step = steps[-1] if steps else "starting"
    last = next((line for line in reversed(lines) if line.strip() and not line.startswith(STEP_MARK)), "")
    if result.code == 128 + signal.SIGALRM:
        return DeviceError(
            f"The run on {device} was ended at the time limit of {time_limit_s:.0f} s, while {step}.", "",
            "Raise --time-limit, or use fewer --runs.",
        )
    if result.code > 128:
        number = result.code - 128
        name = next((one.name for one in signal.Signals if one == number), f"signal {number}")
        return DeviceError(
            f"The runtime on {device} crashed with {name} while {step}.", "",
            "Try another runtime version there, or --no-xnnpack.",
        )
    if result.code in (_COMMAND_NOT_FOUND, _NOT_EXECUTABLE):
        return DeviceError(
            f"{device} has no {program} that runs ({last.strip()[-200:]}).", "",
            "Check that it is there and built for this device; --python and --native-runner name one.",
        )
    return DeviceError(f"The run on {device} failed with exit code {result.code} while {step}: {last[-300:]}")


def _named_error(text: str, device: str, lines: Sequence[str]) -> EdgepruneError:
    fields = received(JobError, text, device)
    # The runtimes print their own reason; the native runner's API does not give it.
    message = next((line for line in lines if line.startswith("ERROR: ")), "").removeprefix("ERROR: ")
    reason = f" The runtime says: {message[:200]}" if message and message[:40] not in fields.found else ""
    kind = InputError if fields.kind == "InputError" else DeviceError
    found = fields.found[:_LONGEST_PART]
    return kind(f"{device}: {found}{reason}", fields.expected[:_LONGEST_PART], fields.way_out[:_LONGEST_PART])


def received(kind: type[T], text: str | bytes, device: str) -> T:
    """One JSON document that a device sent; a `DeviceError` where it is anything else."""
    try:
        return jsonable.loads(kind, text, f"What {device} sent")
    except InputError as error:
        raise DeviceError(error.found, error.expected, DOUBT) from error
