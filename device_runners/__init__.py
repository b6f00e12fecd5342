"""Measure models where they will run.

    from device_runners import BenchOptions, bench

    record = bench("build/edgeprune")                               # this machine, a fresh process
    record = bench("model.tflite", "local", BenchOptions(threads=2, min_time_s=0.5))
    record = bench(bundle, "ssh://pi@raspberrypi.local")
    record.latency.p50_ms, record.memory.peak_bytes, record.metrics["accuracy"], record.unstable

A bundle gives accuracy, latency and memory; a bare `.tflite` gives latency and memory. `bench_devices`
takes several devices at once. The process that runs the model imports no TensorFlow, and neither does
this package. Errors: `InputError` (bad target or device name), `DeviceError` (everything the device does).
"""

from device_runners.benchmark import bench, bench_devices, bench_threads
from device_runners.comparison import Comparison, Verdict, compare
from device_runners.options import DEFAULT_OPTIONS, BenchOptions

__all__ = [
    "DEFAULT_OPTIONS", "BenchOptions", "Comparison", "Verdict", "bench", "bench_devices",
    "bench_threads", "compare",
]
