"""The memory of a record, against a process that imports, loads and runs the model, and does nothing else."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from device_runners import BenchOptions, bench

if TYPE_CHECKING:
    from pathlib import Path

MEASURED_S = 0.05
PROGRAM = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
def resident():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmRSS"))
before = resident()
model = Interpreter(model_path=sys.argv[1], num_threads=1)
model.allocate_tensors()
for detail in model.get_input_details():
    model.set_tensor(detail["index"], np.ones(detail["shape"], detail["dtype"]))
model.invoke()
peak = next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("VmHWM"))
print((resident() - before) * 1024, peak * 1024)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("name", [
    "bundle_v1/model.tflite",  # small: 3.5 MB, so that whatever the agent itself loads too late would show
    pytest.param("slow.tflite", marks=pytest.mark.heavy),
])
def test_memory_is_that_of_a_bare_loop(name: str, slow_model: Path) -> None:
    path = slow_model.parent / name
    alone = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(path)], capture_output=True, text=True, check=True
    )
    record = bench(path, "local", BenchOptions(python=sys.executable, runs=1, min_time_s=MEASURED_S))
    model_alone, peak = map(int, alone.stdout.split())
    # Pages that an allocator leaves or takes differ by some 0.1 MB from process to process.
    assert record.memory.model_bytes == pytest.approx(model_alone, rel=0.03, abs=300_000)
    assert record.memory.peak_bytes == pytest.approx(peak, rel=0.03)
    assert record.memory.agent_bytes is not None
    assert 0 < record.memory.agent_bytes < 15e6
