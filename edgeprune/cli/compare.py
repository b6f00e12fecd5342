"""`edgeprune compare`: is B faster than A on this device?"""

from pathlib import Path
from typing import Annotated

import typer

from edgeprune.cli.busy import busy, waiting
from edgeprune.cli.options import SECONDS
from edgeprune.cli.output import say, say_document

EXAMPLES = """Examples

edgeprune compare build/a build/b --device local"""
_DEVICE = "Device that measures: local, ssh://[user@]host[:port] or adb://[serial]."
_ROUNDS = "Rounds, each in fresh processes, in which A and B are timed in turn."


def compare(
    a: Annotated[Path, typer.Argument(help="A bundle or .tflite file.")],
    b: Annotated[Path, typer.Argument(help="Another bundle or .tflite file.")],
    device: Annotated[str, typer.Option(help=_DEVICE)] = "local",
    rounds: Annotated[int, typer.Option(min=6, max=10_000, help=_ROUNDS)] = 8,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads of the runtime.")] = 1,
    round_time: Annotated[float, SECONDS(help="Seconds of timing in each round.")] = 0.5,
    time_limit: Annotated[float, SECONDS(help="Seconds for one round on the device.")] = 120.0,
    python: Annotated[str | None, typer.Option(help="Python on the device, such as that of a venv.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Say whether B is faster than A, and how sure that is."""
    from device_runners.options import BenchOptions
    from edgeprune import jsonable
    from edgeprune.api.compare import compare as compare_models
    from edgeprune.quantities import show_duration

    with busy(f"Timing A and B in turn on {device}", enabled=not as_json) as tell:
        result = compare_models(
            a, b, device, BenchOptions(waiting=waiting(tell)), rounds, threads=threads,
            round_time=round_time, time_limit=time_limit, python=python,
        )
    if as_json:
        say_document(jsonable.dumps(result))
        return
    say(f"A {result.a}: {show_duration(result.a_ms)}")
    say(f"B {result.b}: {show_duration(result.b_ms)}")
    basis = f"{result.confidence:.0%} interval, {len(result.rounds)} rounds, {device}"
    say(f"{result.sentence()} ({basis})")
