"""The first command of the README, with three seeds; writes the table into README.md beside this script.

    python -m tests.benchmarks.default_build [--seeds 3]

Accuracy is that of the test split; latencies are of this machine, one thread, and meant as ratios. The
second table tells where the time goes: wall seconds of each stage of `report.json`, longer where the
machine does other work, and the CPU seconds of all processes of the command.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from tests.benchmarks.readme import README, write_between


def build(seed: int) -> dict:
    """One build's report, with the wall time of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        start, before = time.perf_counter(), cpu_s()
        done = subprocess.run(
            ["edgeprune", "build", "--prune", "0.5", "--seed", str(seed), "--out", f"{folder}/out", "--json"],
            stdout=subprocess.PIPE, check=True,
        )
        report = {**json.loads(done.stdout), "wall_s": time.perf_counter() - start, "cpu_s": cpu_s() - before}
    sys.stdout.write(row(str(seed), report) + "\n")
    sys.stdout.flush()
    return report


def cpu_s() -> float:
    """User and system time of all processes that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def time_table(reports: list[dict]) -> str:
    """Where each build spent its time, a line for each."""
    stages = ("train", "prune", "fine_tune", "convert", "measure")
    titles = ("seed", "original trained", "pruning", "fine-tuning", "converting", "measuring", "the rest")
    lines = [f"| {' | '.join((*titles, 'wall in all', 'CPU in all'))} |", "|---" * (len(titles) + 2) + "|"]
    for report in reports:
        seconds = [report["timings_s"].get(stage, 0.0) for stage in stages]
        cells = [*seconds, report["wall_s"] - sum(seconds), report["wall_s"], report["cpu_s"]]
        shown = " | ".join(f"{one:.1f} s" for one in cells)
        lines.append(f"| {report['recipe']['seed']} | {shown} |")
    load = f"{os.cpu_count()} cores; the load was {os.getloadavg()[1]:.1f}."
    return "\n".join([*lines, "", load])


def row(label: str, report: dict) -> str:
    """One line of the table."""
    before, after = report["stages"]["baseline"], report["stages"]["deployed"]
    accuracy = [stage["metrics"]["accuracy"] for stage in (before, after)]
    removed = report["removed"]
    faster = before["latency_ms"]["p50"] / after["latency_ms"]["p50"]
    sizes = before["tflite_bytes"], after["tflite_bytes"]
    return (
        f"| {label} | {100 * accuracy[0]:.2f} % | {100 * accuracy[1]:.2f} % "
        f"| {100 * (accuracy[1] - accuracy[0]):+.2f} | {100 * removed['neurons']:.1f} % "
        f"| {100 * removed['params']:.1f} % | {100 * removed['macs']:.1f} % "
        f"| {sizes[0] / 1000:,.0f} → {sizes[1] / 1000:,.0f} kB ({sizes[0] / sizes[1]:.1f}x) "
        f"| {faster:.1f}x | {report['wall_s']:.0f} s |"
    )


def table(reports: list[dict]) -> str:
    """The whole table, and the mean change under it."""
    accuracies = [
        [report["stages"][stage]["metrics"]["accuracy"] for stage in ("baseline", "deployed")]
        for report in reports
    ]
    change = 100 * statistics.fmean(after - before for before, after in accuracies)
    titles = (
        "seed", "baseline accuracy", "deployed accuracy", "points", "neurons gone", "parameters gone",
        "MACs gone", "file", "faster (p50)", "whole command",
    )
    lines = [
        f"| {' | '.join(titles)} |", "|---" * len(titles) + "|",
        *(row(str(report["recipe"]["seed"]), report) for report in reports),
    ]
    mean = f"Mean change: {change:+.2f} points on {reports[0]['data']['test']:,} test images."
    return "\n".join([*lines, "", mean])


def main() -> None:
    """Builds, and replaces what is between the markers."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    reports = [build(seed) for seed in range(parser.parse_args().seeds)]
    for marker, text in (("default build", table(reports)), ("default build time", time_table(reports))):
        sys.stdout.write(text + "\n")
        write_between(README, marker, text)


if __name__ == "__main__":
    main()
