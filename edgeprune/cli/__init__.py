"""The command line: one module per command, each imported with nothing heavy behind it.

A command parses, calls one library function and prints. Errors become one short paragraph on
stderr and the exit code of the contract.
"""

import gc
import importlib
import os
import signal
import sys
from types import FrameType
from typing import Annotated

import typer

import edgeprune
from edgeprune.cli.failure import INTERRUPTED, report_failure
from edgeprune.cli.options import Command, LongCommand
from edgeprune.cli.streams import prepare_streams

COMMANDS = (
    "build", "shrink", "inspect", "bench", "compare", "check", "export", "report", "search", "zoo", "devices",
    "history", "doctor",
)

LONG_COMMANDS = ("build", "search")
_ABOUT = "Remove half of a Keras model's neurons, keep its performance, prove it on your own device."
app = typer.Typer(name="edgeprune", help=_ABOUT, no_args_is_help=True, pretty_exceptions_enable=False)


@app.callback(invoke_without_command=True)
def root(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show stack traces of errors.")] = False,
) -> None:
    """Remove half of a Keras model's neurons, keep its performance, prove it on your own device."""
    del debug  # read from the arguments by `main`, before anything can fail
    if version:
        typer.echo(f"edgeprune {edgeprune.__version__}")
        raise typer.Exit


for _name in COMMANDS:
    _module = vars(importlib.import_module(f"edgeprune.cli.{_name}"))
    _kind = LongCommand if _name in LONG_COMMANDS else Command
    app.command(name=_name, cls=_kind, epilog=_module.get("EXAMPLES"))(_module[_name])


def main() -> None:
    """Entry point of the console script."""
    prepare_streams()
    # Before anything may import TensorFlow, in whatever command.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")  # see keras_bridge.keras_version
    # TensorFlow makes millions of objects that live on; looking through them takes a second of each build.
    gc.set_threshold(100_000, 50, 50)
    # A plain SIGTERM (a CI job's end) would skip every `finally` that removes temporary files.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    pressed = _remembered()
    try:
        # Not standalone: typer would turn Ctrl-C into exit code 1.
        # Wherever it is typed, and for every command.
        arguments = [one for one in sys.argv[1:] if one != "--debug"]
        code = app(arguments, standalone_mode=False)
        if code == INTERRUPTED:
            raise KeyboardInterrupt  # noqa: TRY301 - typer since 0.20 hands Ctrl-C on as this code
        sys.exit(code if isinstance(code, int) else 0)
    except BaseException as error:  # noqa: BLE001 - every way out of the program passes here
        if pressed and isinstance(error, Exception):
            error = KeyboardInterrupt()  # in the middle of an import, packages in C make another error of it
        sys.exit(report_failure(error, debug="--debug" in sys.argv))


def _remembered() -> list[int]:
    """A list that grows when Ctrl-C is pressed, which still raises `KeyboardInterrupt`."""
    pressed: list[int] = []

    def press(number: int, frame: FrameType | None) -> None:
        pressed.append(number)
        signal.default_int_handler(number, frame)

    # A job in the background of a shell is to ignore it.
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, press)
    return pressed
