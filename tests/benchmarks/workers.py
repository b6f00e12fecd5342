"""What several workers bring: training in 1, 2 and 4 processes, sweeps on a Ray cluster of as many.

    python -m tests.benchmarks.workers [--workers 1 2 4] [--images 8000] [--trials 4] [--readme README.md]

All workers run on this machine, so they share its cores: what is measured is what working together costs,
and what a lost worker costs. Training: `edgeprune build --distribute multi-worker`, samples per second of
fine-tuning. Sweep: `edgeprune search --ray`, builds per hour. The estimate for 100 machines is computed from
the bytes and seconds of this run.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from tests.benchmarks.readme import write_between
from tests.benchmarks.throughput import train_on_images

MARKER = "workers"
EPOCHS, BATCH = 2, 128
MACHINES = 100
NETWORK_BYTES_PER_S = 125e6
_PATIENCE_S = 400
_OUTLOOK = """\
For {machines} machines and a network of {network:.0f} MB/s, by these figures:

- A sweep sends model and data ({sent:.1f} MB) once to each machine, {all_sent:.1f} GB in all. The machine
  that asks would need {sending:.0f} s for it by itself; Ray's machines pass it on to each other.
- Each build sends its bundle back, {bundle:.0f} kB. {builds:,.0f} builds an hour make {back:.2f} MB/s, and
  {stored:.0f} MB in the sweep's storage. Bundles that are dominated are removed while the sweep goes on.
- The bottleneck of a sweep for latency is the pool of devices. One measures one bundle at a time, in 2 to 3
  seconds, so {machines} machines keep {devices} devices busy. Without devices it is the machine that asks,
  which has a thread for each build and unpacks every bundle.
- Training sends {gradients:.0f} kB for each worker and step (gradients of {params:,.0f} parameters in a
  ring): {passing:.1f} ms, where a step of {batch} samples takes {step:.0f} ms on one worker. With {machines}
  workers a step has {each:.1f} samples each, and the {turns} turns of the ring take longer than those: larger
  batches help, or a sweep, whose builds need nothing of each other. Every worker reads all data, prunes
  and converts for itself."""


def free_ports(number: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [int(one.getsockname()[1]) for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start_workers(folder: Path, number: int) -> list[subprocess.Popen[bytes]]:
    """The same build in several processes, which train together."""
    addresses = [f"127.0.0.1:{port}" for port in free_ports(number)]
    command = [
        sys.executable, "-m", "edgeprune", "build", str(folder / "model.keras"), "--data",
        str(folder / "images.npz"), "--distribute", "multi-worker", "--schedule", "one-shot",
        f"--epochs={EPOCHS}", "--quiet", "--force", "--out", str(folder / f"trained-{number}"),
    ]
    running = []
    for index in range(number):
        cluster = {"cluster": {"worker": addresses}, "task": {"type": "worker", "index": index}}
        environment = {**os.environ, "TF_CONFIG": json.dumps(cluster)}
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL))
    return running


def train(folder: Path, number: int, images: int) -> dict[str, float]:
    """Samples per second of fine-tuning with so many workers, and the seconds of the whole command."""
    start = time.perf_counter()
    codes = [one.wait(_PATIENCE_S) for one in start_workers(folder, number)]
    if any(codes):
        raise SystemExit(f"{number} workers ended with {codes}.")
    report = json.loads((folder / f"trained-{number}" / "report.json").read_text(encoding="utf-8"))
    return {
        "all_s": time.perf_counter() - start,
        "samples_per_s": EPOCHS * images / report["timings_s"]["fine_tune"],
        "params": report["stages"]["pruned"]["params"],
    }


def lose_worker(folder: Path, after_s: float) -> str:
    """What the other of two workers does when one is killed."""
    running = start_workers(folder, 2)
    time.sleep(after_s)
    running[1].kill()
    start = time.perf_counter()
    try:
        code = running[0].wait(_PATIENCE_S)
        return f"ended with exit code {code} after {time.perf_counter() - start:.0f} s"
    except subprocess.TimeoutExpired:
        return f"still waited after {_PATIENCE_S} s"
    finally:
        for one in running:
            one.kill()


@contextlib.contextmanager
def cluster(number: int) -> Iterator[str]:
    """A Ray cluster of this machine alone with so many places, and its address."""
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": number, "include_dashboard": False})
    try:
        yield made.address
    finally:
        made.shutdown()


def trials_under_way() -> list[int]:
    """Processes of this machine that build a trial of ours."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if b"edgeprune.sweep.subprocess_trial" in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return found


def search(folder: Path, number: int, trials: int, *, lose: bool = False) -> dict[str, float]:
    """Seconds of one sweep on a cluster; `lose` kills a trial's process once."""
    out = folder / f"sweep-{number}{'-lost' if lose else ''}"
    ratios = ",".join(f"{ratio:.2f}" for ratio in np.linspace(0.3, 0.7, trials))
    with cluster(number) as address:
        command = [
            sys.executable, "-m", "edgeprune", "search", str(folder / "model.keras"), "--data",
            str(folder / "images.npz"), "--vary", f"prune={ratios}", "--trials", str(trials), "--epochs", "1",
            "--objective", "accuracy", "--objective", "size", "--ray", address, "--out", str(out), "--quiet",
        ]
        start, others = time.perf_counter(), set(trials_under_way())
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        killed = not lose
        while process.poll() is None:
            time.sleep(1)
            mine = [one for one in trials_under_way() if one not in others]
            # The first process checks model and data; two at once are trials.
            if not killed and len(mine) >= 2:
                time.sleep(10)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(mine[-1], signal.SIGKILL)
                killed = True
    if process.returncode:
        raise SystemExit(f"The sweep ended with {process.returncode}.")
    bundles = [one for one in out.glob("trial-*") if one.is_dir()]
    bundle = sum(file.stat().st_size for file in bundles[0].iterdir()) if bundles else 0
    stored = sum(file.stat().st_size for file in out.glob("sweep.db*"))
    return {
        "all_s": time.perf_counter() - start, "bundle_bytes": bundle, "stored_bytes": stored / trials,
        "trials_per_h": 3600 * trials / (time.perf_counter() - start),
    }


def table(
    trained: dict[int, dict[str, float]], searched: dict[int, dict[str, float]], trials: int
) -> str:
    """Markdown, a line for each number of workers."""
    first, slowest = min(trained), min(searched)
    lines = [
        "| workers on one machine | training, samples/s | each worker | sweep, builds/h | each worker |",
        "|---|---|---|---|---|",
    ]
    for number in sorted(trained):
        speed, alone = trained[number]["samples_per_s"], trained[first]["samples_per_s"]
        cells = f"{speed:,.0f} ({speed / alone:.2f}x) | {speed / number:,.0f}"
        if number in searched:
            builds, one = searched[number]["trials_per_h"], searched[slowest]["trials_per_h"]
            cells += f" | {builds:.0f} ({builds / one:.2f}x) | {builds / number:.0f}"
        else:
            cells += " | not measured | "
        lines.append(f"| {number} | {cells} |")
    load = os.getloadavg()[2]
    loaded = f"{os.cpu_count()} cores, a load of {load:.1f} in the last 15 minutes, {trials} builds a sweep."
    return "\n".join([*lines, "", loaded])


def what_was_lost(trainer: str, sweep_s: float, with_loss_s: float) -> str:
    """What a killed process cost each way of working together."""
    return (
        f"A lost worker: of two that trained together the other {trainer}. Workers that train together keep "
        "no finished stages, so the same command begins again. In a sweep with two workers, a killed build "
        f"began again: {with_loss_s:.0f} s instead of {sweep_s:.0f} s."
    )


def estimate(folder: Path, trained: dict[str, float], searched: dict[str, float]) -> str:
    """What 100 machines would send and store, by what was measured with the smallest number of workers."""
    sent = sum((folder / name).stat().st_size for name in ("model.keras", "images.npz"))
    trial_s = 3600 / searched["trials_per_h"]
    rate = MACHINES / trial_s  # builds a second
    sent_back = rate * searched["bundle_bytes"]
    gradients = 2 * 4 * trained["params"]
    return _OUTLOOK.format(
        machines=MACHINES, network=NETWORK_BYTES_PER_S / 1e6, sent=sent / 1e6, all_sent=MACHINES * sent / 1e9,
        sending=MACHINES * sent / NETWORK_BYTES_PER_S, bundle=searched["bundle_bytes"] / 1e3,
        builds=3600 * rate, back=sent_back / 1e6, stored=3600 * rate * searched["stored_bytes"] / 1e6,
        devices=max(round(2.5 * rate), 1), gradients=gradients / 1e3, params=trained["params"],
        passing=1e3 * gradients / NETWORK_BYTES_PER_S, batch=BATCH, turns=2 * (MACHINES - 1),
        step=1e3 * BATCH / trained["samples_per_s"], each=BATCH / MACHINES,
    )


def main() -> None:
    """Measures, prints the table and writes it where that is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", nargs="+", type=int, default=[1, 2, 4])
    parser.add_argument("--images", type=int, default=8000)
    parser.add_argument("--trials", type=int, default=4)
    parser.add_argument("--readme", type=Path, help="file whose <!-- workers --> part is replaced")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        train_on_images(folder, options.images)
        trained, searched = {}, {}
        for number in options.workers:
            trained[number] = train(folder, number, options.images)
            sys.stdout.write(f"{number} workers train: {trained[number]}\n")
            sys.stdout.flush()
        lost = lose_worker(folder, 0.6 * trained[max(2, min(trained))]["all_s"])
        sys.stdout.write(f"lost: {lost}\n")
        for number in options.workers:
            searched[number] = search(folder, number, options.trials)
            sys.stdout.write(f"{number} workers search: {searched[number]}\n")
            sys.stdout.flush()
        again = search(folder, 2, options.trials, lose=True)
        sys.stdout.write(f"sweep with a lost worker: {again}\n")
        first = min(options.workers)
        outlook = estimate(folder, trained[first], searched[first])
        losses = what_was_lost(lost, searched[2]["all_s"], again["all_s"])
        text = "\n\n".join([table(trained, searched, options.trials), losses, outlook])
    sys.stdout.write(text + "\n")
    if options.readme:
        write_between(options.readme, MARKER, text)


if __name__ == "__main__":
    main()
