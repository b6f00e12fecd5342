"""What a device sends is refused with exit 3 where it cannot be right, and never ends in a traceback."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import itertools
import json
import math
import random
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from device_runners import BenchOptions, bench
from device_runners.agent.job import InterleavedJob, InterleavedTimes, JobError
from device_runners.execution import received
from device_runners.native import benchmark_model, output
from device_runners.options import open_target
from device_runners.plausible import check_record, check_times
from edgeprune.errors import DeviceError, InputError
from edgeprune.run_parts import summarize
from edgeprune.run_record import RunRecord
from edgeprune.sweep.front import FRONT, Front, TrialResult, mark_front, read_front
from edgeprune.sweep.front_page import front_page, write_front
from tests.device_runners.test_discovery import TOOL_OUTPUT

if TYPE_CHECKING:
    from collections.abc import Callable

OPTIONS = BenchOptions(runs=10, warmup=1, min_time_s=0.02, time_limit_s=60)
WALL_NS = 10**11


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A true one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TMPDIR", str(tmp_path_factory.mktemp("lock")))
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        found = bench(Path(__file__).parent / "golden" / "bundle_v1", "local", OPTIONS)
    few = found.latency_ns[:20]
    short = dataclasses.replace(
        found, latency_ns=few, latency=summarize(few), warmup_ns=found.warmup_ns[:5],
        preprocess_ns=found.preprocess_ns[:5],
    )
    return short.to_json()


def change(*path: object, to: object) -> Callable[[dict], None]:
    def apply(document: dict) -> None:
        place = document
        for key in path[:-1]:
            place = place[key]
        place[path[-1]] = to

    return apply


WRONG = {
    "accuracy of 7": change("metrics", "accuracy", to=7.0),
    "accuracy below 0": change("metrics", "accuracy", to=-0.1),
    "accuracy that is no number": change("metrics", "accuracy", to=math.nan),
    "another metric": change("metrics", "praise", to=1.0),
    "latency that is no number": change("latency", "p50_ms", to=math.nan),
    "latency 0": change("latency", "p50_ms", to=0.0),
    "negative latency": change("latency", "p50_ms", to=-1.0),
    "a better latency than measured": change("latency", "p50_ms", to=1e-6),
    "p90 below p50": change("latency", "p90_ms", to=1e-6),
    "no p99": change("latency", "p99_ms", to=None),
    "infinite latency": change("latency", "p99_ms", to=math.inf),
    "negative single run": change("latency_ns", 0, to=-5),
    "longer than it took": change("load_ns", to=10**13),
    "huge number": change("load_ns", to=10**400),
    "memory 0": change("memory", "peak_bytes", to=0),
    "negative memory": change("memory", "peak_bytes", to=-1),
    "another model": change("model", "sha256", to="0" * 64),
    "another size": change("model", "bytes", to=3),
    "another device": change("device", to="ssh://other"),
    "other settings": change("settings", "threads", to=64),
    "predictions of another output": change("predictions", 0, "dtype", to="float64"),
    "predictions of other samples": change("predictions", 0, "shape", to=[3, 3]),
    "predictions of another hash": change("predictions", 0, "sha256", to="0" * 64),
    "predictions that are no bytes": change("predictions", 0, "data", to="\ud800"),
    "no predictions of one output": change("predictions", to=[{
        "name": "a", "dtype": "int8", "shape": [40, 3], "sha256": "0" * 64, "data": ""}] * 2),
    "no samples": change("samples", to=0),
    "negative samples": change("samples", to=-3),
    "long text": change("facts", "model", to="x" * 100_000),
    "text for a number": change("latency", "p50_ms", to="\ud800[/red]"),
    "nothing": change("latency", to=None),
}


def read(text: str | bytes, bundle: Path) -> RunRecord:
    target = _opened(bundle)
    return check_record(received(RunRecord, text, "local"), "local", target, OPTIONS, WALL_NS)


_opened = functools.lru_cache(open_target)


@pytest.mark.parametrize("name", WRONG)
def test_a_record_that_cannot_be_right(name: str, record: str, bundle: Path) -> None:
    document = json.loads(record)
    WRONG[name](document)
    with pytest.raises(DeviceError) as caught:
        read(json.dumps(document), bundle)
    assert len(str(caught.value)) < 700


def test_a_true_record_is_taken(record: str, bundle: Path) -> None:
    assert read(record, bundle).samples == 40
    with pytest.raises(DeviceError, match="add up to"):
        check_record(RunRecord.from_json(record), "local", open_target(bundle), OPTIONS, 1000)


OTHER = ("", "null", "[]", "{", "\udc80", '{"device": 1}', "9" * 5000, '"\\ud800"', "NaN")


@pytest.mark.parametrize(
    "sent", ["{}", "[" * 100_000, *(pytest.param(sent, marks=pytest.mark.heavy) for sent in OTHER)]
)
def test_a_device_that_sends_something_else(sent: str, bundle: Path, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    (tmp_path / "sent").write_bytes(sent.encode(errors="surrogateescape"))
    liar = tmp_path / "python"
    liar.write_text(f"#!/bin/sh\ncat {tmp_path}/sent\n")
    liar.chmod(0o755)
    with pytest.raises(DeviceError) as caught:
        bench(bundle, "local", dataclasses.replace(OPTIONS, python=str(liar)))
    assert len(str(caught.value)) < 700


@pytest.mark.parametrize("sent", ["", "{}", "x", '{"kind": 1}', '{"kind": "x", "found": null}', "[" * 9999])
def test_an_error_that_is_none(sent: str) -> None:
    with pytest.raises(DeviceError):
        received(JobError, sent, "local")


SCALARS = [
    math.nan, math.inf, -1, 0, -0.0, 1e308, 10**18, 10**30, "", "x" * 5000, "\ud800",
    "\x1b[31m[/red]\n::error::", None, True, [], {}, [[]], {"": 0},
]


def mutated(document: object, random_: random.Random) -> object:
    """Some value of it replaced, removed or doubled."""
    document = copy.deepcopy(document)
    place = document
    while True:
        if not isinstance(place, (dict, list)) or not place:
            return random_.choice(SCALARS)
        keys = list(place) if isinstance(place, dict) else range(len(place))
        key = random_.choice(keys)
        if isinstance(place[key], (dict, list)) and place[key] and random_.random() < 0.8:
            place = place[key]
            continue
        action = random_.random()
        if action < 0.2:
            del place[key]
        elif action < 0.3 and isinstance(place, list):
            place.extend(place[:3])
        else:
            place[key] = random_.choice(SCALARS)
        return document


def mutations(text: str, count: int, seed: int) -> list[str | bytes]:
    """Of values, and some of bytes."""
    random_ = random.Random(seed)  # noqa: S311  (no secret)
    document = json.loads(text)
    found: list[str | bytes] = []
    for _ in range(count):
        if random_.random() < 0.8:
            found.append(json.dumps(mutated(document, random_)))
        else:
            raw = bytearray(text.encode())
            for _ in range(random_.randint(1, 3)):
                raw[random_.randrange(len(raw))] = random_.randrange(256)
            found.append(bytes(raw[: random_.choice((len(raw), random_.randrange(len(raw))))]))
    return found


def fuzz(text: str, count: int, seed: int, read_it: Callable[[str | bytes], object], kind: type) -> int:
    """How many mutations were refused; anything but that kind of error comes out."""
    refused = 0
    for one in mutations(text, count, seed):
        with contextlib.suppress(kind):
            read_it(one)
            refused -= 1
        refused += 1
    return refused


COUNTS = [30, pytest.param(2500, marks=pytest.mark.heavy)]


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_records(count: int, record: str, bundle: Path) -> None:
    assert fuzz(record, count, 1, lambda one: read(one, bundle), DeviceError) > count / 2


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_times(count: int) -> None:
    job = InterleavedJob(OPTIONS.settings(), "a", ("b", "c"), 1.0)
    times = InterleavedTimes((1e6,) * 8, ((1e6,) * 7, (2e6,) * 7), ((0.0,) * 7, (0.7,) * 7), 0, "r 1")
    text = json.dumps(dataclasses.asdict(times))
    check_times(received(InterleavedTimes, text, "local"), job, "local")

    def read_times(one: str | bytes) -> InterleavedTimes:
        return check_times(received(InterleavedTimes, one, "local"), job, "local")

    assert fuzz(text, count, 2, read_times, DeviceError) > count / 2


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_files(count: int, bundle: Path, record: str, tmp_path: Path) -> None:
    """Of a bundle, and a record read from a file: wrong input."""
    from edgeprune.bundle.read import read_bundle
    from edgeprune.report.page import Subject, report_page
    from edgeprune.report.read import read_report_file
    from edgeprune.report.table import table_rows

    manifest, numbers = (bundle / "manifest.json").read_text(), itertools.count()
    for path in bundle.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())

    def read_manifest(one: str | bytes) -> None:
        (tmp_path / "manifest.json").write_bytes(one if isinstance(one, bytes) else one.encode())
        read_bundle(tmp_path)

    def read_report(one: str | bytes) -> None:
        (tmp_path / "report.json").write_bytes(one if isinstance(one, bytes) else one.encode())
        report = read_report_file(tmp_path / "report.json")
        if next(numbers) % 10 == 0:  # drawing takes most of the time
            report_page([Subject("one", read_bundle(bundle), report)])
        table_rows(report)

    assert fuzz(manifest, count, 3, read_manifest, InputError) > count / 4
    reports = sorted((Path(__file__).parents[1] / "report" / "golden").glob("**/*.json"))
    assert reports
    assert fuzz(reports[-1].read_text(), count, 4, read_report, InputError) > count / 4
    assert fuzz(record, count, 5, RunRecord.from_json, InputError) > 0


@pytest.mark.parametrize("count", COUNTS)
def test_mutated_fronts(count: int, tmp_path: Path) -> None:
    """Of a sweep: refused, or the page can be drawn."""
    trials = [
        TrialResult(number, {"prune": number / 10}, {
            "accuracy": 1 - number / 10, "test": 0.5, "size": 1e5 - 1e4 * number, "latency": 2.0,
            "memory": 1e6,
        }, "accuracy", place="local", bundle=f"host:/trial-{number}")
        for number in range(4)
    ] + [TrialResult(4, {"prune": 0.9}, error="It lost too much.", stopped=True)]
    objectives = ("accuracy", "size", "latency")
    front = Front(objectives, mark_front(objectives, trials), ("A note.",))
    path = write_front(front, tmp_path)[FRONT]
    text = path.read_text()
    assert read_front(path) == front

    def draw(one: str | bytes) -> None:
        path.write_bytes(one if isinstance(one, bytes) else one.encode(errors="surrogatepass"))
        front_page(read_front(path))

    assert fuzz(text, count, 7, draw, InputError) > count / 3


NATIVE = (
    "runtime litert\nversion 2\nload_ns 1200\nfirst_ns 5000\nwarmup_ns 10 20\nlatency_ns 8100 8000 7900\n"
    "memory start VmRSS 10\nmemory model VmRSS 5120\nstate before /proc/loadavg 0.1\noutput 0 7f80\ndone\n"
)


@pytest.mark.parametrize("count", COUNTS)
@pytest.mark.parametrize("printed", [NATIVE, TOOL_OUTPUT], ids=["native", "benchmark_model"])
def test_mutated_lines(count: int, printed: str) -> None:
    random_ = random.Random(6)  # noqa: S311  (no secret)
    words = ["", "-1", "9" * 5000, "nan", "1e999", "0", "\ud800", "x", "output", "memory", "0 0 0", "²"]
    for _ in range(count):
        pieces = printed.split(" ")
        for _ in range(random_.randint(1, 3)):
            pieces[random_.randrange(len(pieces))] = random_.choice(words)
        text = " ".join(pieces)
        with contextlib.suppress(DeviceError), output.understood("local"):
            if printed is not NATIVE:
                benchmark_model.parse(text)
                continue
            found = output.parse(text, "local")
            for part in (found.timings, found.memory, found.runtime):
                part()
            found.array(0, "int8", (1, 2))
