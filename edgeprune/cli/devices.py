"""`edgeprune devices`: find devices and say what each lacks."""

from typing import Annotated

import typer

from edgeprune.cli.busy import busy
from edgeprune.cli.output import say, say_document

EXAMPLES = """Examples

edgeprune devices ssh://pi@raspberrypi.local"""
_DEVICE = "Devices to check; without any: this machine, adb's and the ssh config's."


def devices(
    device: Annotated[list[str] | None, typer.Argument(help=_DEVICE)] = None,
    python: Annotated[str | None, typer.Option(help="Python on the devices, such as that of a venv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the checks as one JSON list.")] = False,
) -> None:
    """Find devices and check each one, with the fix for what is missing."""
    from device_runners.discovery import check_devices, find_devices
    from edgeprune import jsonable
    from edgeprune.errors import DeviceError

    with busy("Looking for devices and checking each", enabled=not as_json):
        checks = check_devices(device or find_devices(), python)
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
    if lacking := [check.device for check in checks if device and not check.ready]:
        raise DeviceError(f"Not ready: {', '.join(lacking)}.", "", "Apply the fixes listed for each device.")
