"""`edgeprune devices`: find devices, say what each lacks, and install the runtime there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgeprune.cli.busy import busy
from edgeprune.cli.output import say, say_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from device_runners.discovery import DeviceCheck

EXAMPLES = """Examples

edgeprune devices ssh://pi@raspberrypi.local

edgeprune devices --prepare ssh://pi@raspberrypi.local"""
_PREPARE = "Make a venv with a runtime on each named device. Later runs use it without being told."
_DEVICE = "Devices to check. Default: this machine, and those that adb and the ssh config know."


def devices(
    device: Annotated[list[str] | None, typer.Argument(help=_DEVICE)] = None,
    python: Annotated[str | None, typer.Option(help="Python on the devices, such as that of a venv.")] = None,
    prepare: Annotated[bool, typer.Option("--prepare", help=_PREPARE)] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as one JSON list.")] = False,
) -> None:
    """Find devices, check each one, and say how to mend what is missing."""
    from device_runners.discovery import check_devices, find_devices
    from edgeprune import jsonable
    from edgeprune.errors import DeviceError

    names = device or []
    if prepare:
        checks = _after_preparing(names, python)
    else:
        with busy("Looking for devices and checking each one", enabled=not as_json):
            checks = check_devices(names or find_devices(), python)
    if as_json:
        say_document(jsonable.dumps([{**jsonable.encode(check), "ready": check.ready} for check in checks]))
    else:
        for check in checks:
            facts = [check.arch, check.python and f"Python {check.python}", check.runtime]
            if check.free_bytes is not None:
                facts.append(f"{check.free_bytes / 1e9:.1f} GB free")
            state = "ready" if check.ready else "not ready" if check.reachable else "not reachable"
            known = ", ".join(fact for fact in facts if fact)
            say(f"{check.device}: {state} ({known})" if known else f"{check.device}: {state}")
            for problem in check.problems:
                say(f"  - {problem}")
    if lacking := [check.device for check in checks if names and not check.ready]:
        raise DeviceError(f"Not ready: {', '.join(lacking)}.", "", "Apply the fixes listed for each device.")


def _after_preparing(devices: Sequence[str], python: str | None) -> list[DeviceCheck]:
    """Each device in turn, as it looks afterwards.

    Raises:
        InputError: none was named, or one of another kind.
        DeviceError: the first failure; the devices after it were not touched.
    """
    from device_runners.preparation import prepare
    from edgeprune.errors import InputError

    if not devices:
        raise InputError(
            "--prepare names no device.", "A device is needed, since nothing is installed unasked.",
            "For example: edgeprune devices --prepare ssh://pi@raspberrypi.local",
        )
    return [prepare(one, python, lambda text: say(text, error=True)) for one in devices]  # stdout may be JSON
