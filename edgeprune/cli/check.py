"""`edgeprune check`: the gate of an app's build."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from typer import Argument, Option

from edgeprune.cli.busy import busy, waiting
from edgeprune.cli.history import HISTORY_FILE
from edgeprune.cli.options import METRIC
from edgeprune.cli.output import say, say_document
from edgeprune.errors import InputError

if TYPE_CHECKING:
    from edgeprune.gate import CheckResult

EXAMPLES = """Examples

edgeprune check build/edgeprune --max-size 200kB --max-drop 0.5

edgeprune check build/edgeprune --max-latency 5ms --device ssh://pi@pi.local"""
_DROP = (
    "Most points lost against the original; 0.5 means 0.5 %. NAME=POINTS limits one metric, as box/r2=1. "
    "Repeatable."
)
_MIN = "NAME=VALUE: lowest value of a metric, such as class/accuracy=90. Repeatable."
_MAX = "NAME=VALUE: highest value of a metric of which less is better. Repeatable."
_DEVICE = "Device that measures: local, ssh://[user@]host[:port] or adb://[serial]. Repeatable."
_PERCENTILE = "Percentile of the latency: 50 (default), 90 or 99."
_RECIPE = "TOML file with a [limits] table; options on the command line win."
_VERIFY_KEY = "Refuse a bundle that is not signed by the owner of this public key (PEM)."
_SIGN = "If all limits hold, sign the bundle with this private key (PEM): writes model.sig into it."
_ENERGY = "Highest energy of one inference on --device, such as 2mJ."
_HISTORY = "Refuse a latency above the range of earlier runs on --device (see `bench --history`)."
_AGAINST = "Earlier output folder, or a folder of them, to say since when a limit is broken."


def check(
    bundle: Annotated[Path, Argument(help="Output folder of a build.")],
    max_size: Annotated[str | None, Option(help="Largest model.tflite, such as 200kB, 1.5MB, 64KiB.")] = None,
    max_latency: Annotated[str | None, Option(help="Highest latency of one inference, as 5ms.")] = None,
    max_memory: Annotated[str | None, Option(help="Highest peak memory of the process, as 64MB.")] = None,
    min_accuracy: Annotated[str | None, Option(help="Lowest accuracy on test data, as 0.95 or 95%.")] = None,
    max_drop: Annotated[list[str] | None, Option("--max-drop", help=_DROP)] = None,
    max_energy: Annotated[str | None, Option(help=_ENERGY)] = None,
    power_command: Annotated[str | None, Option(help="The same as for `bench`.")] = None,
    minimum: Annotated[list[str] | None, Option("--min", help=_MIN)] = None,
    maximum: Annotated[list[str] | None, Option("--max", help=_MAX)] = None,
    percentile: Annotated[int | None, Option(help=_PERCENTILE)] = None,
    recipe: Annotated[Path | None, Option(help=_RECIPE)] = None,
    device: Annotated[list[str] | None, Option("--device", help=_DEVICE)] = None,
    threads: Annotated[int, Option(min=1, max=64, help="Threads of the runtime on devices.")] = 1,
    metric: Annotated[str | None, Option(help=METRIC)] = None,
    python: Annotated[str | None, Option(help="Python on the devices, such as that of a venv.")] = None,
    against: Annotated[Path | None, Option(help=_AGAINST)] = None,
    against_history: Annotated[bool, Option("--against-history", help=_HISTORY)] = False,
    history_file: Annotated[Path | None, Option("--history-file", help=HISTORY_FILE)] = None,
    history_name: Annotated[str | None, Option("--history-name", help="The same as for `bench`.")] = None,
    verify: Annotated[bool, Option("--verify", help="Refuse a damaged or edited bundle.")] = False,
    verify_key: Annotated[Path | None, Option(help=_VERIFY_KEY)] = None,
    sign: Annotated[Path | None, Option(help=_SIGN)] = None,
    junit: Annotated[Path | None, Option(help="File for the result as JUnit XML.")] = None,
    markdown: Annotated[Path | None, Option(help="File for a Markdown summary.")] = None,
    github: Annotated[bool, Option("--github", help="Also print GitHub annotations.")] = False,
    as_json: Annotated[bool, Option("--json", help="Print the result as one JSON document.")] = False,
) -> None:
    """Check limits of size, latency, memory and accuracy. Exit code 1 if one is broken."""
    from device_runners.options import BenchOptions
    from edgeprune.api.check import check as check_bundle
    from edgeprune.bundle.read import SIGNATURE

    if github and as_json:
        raise InputError("--github and --json both print to stdout.", "One of them was expected.")
    with busy(f"Checking {bundle}", enabled=not as_json) as tell:
        result = check_bundle(
            bundle, max_size=max_size, max_latency=max_latency, max_memory=max_memory,
            min_accuracy=min_accuracy, max_drop=max_drop, max_energy=max_energy,
            power_command=power_command, minimum=minimum, maximum=maximum, percentile=percentile,
            recipe=recipe, device=device or (), threads=threads, metric=metric, python=python,
            against=against, against_history=against_history, history_file=history_file,
            history_name=history_name, verify=verify, verify_key=verify_key, sign=sign,
            options=BenchOptions(waiting=waiting(tell)),
        )
    if result.judgements or result.verification:
        _write(result, junit, markdown)
        _print(result, github=github, as_json=as_json)
    error = result.error() if as_json else result.short_error()
    if error is not None:
        raise error
    if sign is not None:
        say(f"Signed: {bundle / SIGNATURE}", error=True)  # stdout may have to be JSON


def _write(result: CheckResult, junit: Path | None, markdown: Path | None) -> None:
    from edgeprune.gate import formats

    for path, text in ((junit, formats.junit), (markdown, formats.markdown)):
        if path is not None:
            path.parent.mkdir(parents=True, exist_ok=True)
            # GitHub's job summary is one file for all commands of a step.
            mode = "a" if str(path) == os.environ.get("GITHUB_STEP_SUMMARY") else "w"
            with path.open(mode, encoding="utf-8") as stream:
                stream.write(text(result))


def _print(result: CheckResult, *, github: bool, as_json: bool) -> None:
    from edgeprune import jsonable
    from edgeprune.gate.formats import annotation_lines, rows

    if as_json:
        say_document(jsonable.dumps({**jsonable.encode(result), "passed": result.passed}, indent=1))
        for note in result.notes:
            say(f"{'note':>12}  {note}", error=True)
        return
    marks = {"held": "ok", "broken": "BROKEN", "unmeasured": "NOT MEASURED"}
    for row in rows(result):
        mark = "not checked" if row.status == "unmeasured" and not row.failed else marks[row.status.value]
        say(f"{mark:>12}  {row.message}")
    for note in result.notes:
        say(f"{'warning':>12}  {note}")
    if github:
        for line in annotation_lines(result):
            typer.echo(line)  # a command on purpose: its parts are escaped in `formats`
