"""Quantization alone: edgeprune at `--prune 0` against TensorFlow's converter and ai-edge-quantizer.

    python tests/benchmarks/quantize_alone.py [--shared ../shared]

The three int8 files of a model are timed in turns on one thread, so that what else the machine does
falls on all alike. `--overhead` times the conversion of MobileNetV2-224 instead. Both go into the README.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import time
from pathlib import Path

os.environ["TF_USE_LEGACY_KERAS"] = "1"

import numpy as np
from readme import README, write_between

from edgeprune.conversion import parity, run_tflite
from edgeprune.conversion.convert import converted_file
from edgeprune.conversion.litert import interpreter, set_sample
from edgeprune.conversion.options import QuantizeOptions, Validation
from edgeprune.conversion.quantize import quantize
from edgeprune.conversion.tensorflow_route import convert_traced
from edgeprune.conversion.tracing import trace_for_inference
from edgeprune.keras_bridge.silence import silence

INTRODUCTION = """\
Without pruning, against each converter alone (intervals are of the median ratio, one thread, in turns).
The file of ai-edge-quantizer takes and gives int8, which saves it two conversions that the others do:"""
ROUNDS, CALLS = 201, 20


def cifar(shared: Path, split: str, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Images 0..255 as MLPerf Tiny's ResNet-8 takes them, and labels; drawn, as they lie by class."""
    from PIL import Image

    with np.load(shared / "data" / "cifar10_jpeg.npz") as data:
        jpeg, ends, y = data[f"jpg_{split}"], data[f"off_{split}"], data[f"y_{split}"]
        rows = np.random.default_rng(0).permutation(len(y))[:count]
        blobs = [jpeg[ends[i] : ends[i + 1]].tobytes() for i in rows]
    images = [np.asarray(Image.open(io.BytesIO(blob)).convert("RGB")) for blob in blobs]
    return np.stack(images).astype(np.float32), y[rows].astype(int).reshape(-1)


def speech(shared: Path) -> np.ndarray:
    """MLPerf Tiny's keyword features: 10 MFCCs of 30 ms windows each 20 ms; shuffled, seeded."""
    import tensorflow as tf

    with np.load(shared / "data" / "speech_commands_subset_16k.npz") as data:
        sound = data["x"].astype(np.float32) / 32768
    power = tf.abs(tf.signal.stft(sound, 480, 320, 512))
    bands = tf.tensordot(power, tf.signal.linear_to_mel_weight_matrix(40, 257, 16000, 20.0, 4000.0), 1)
    features = tf.signal.mfccs_from_log_mel_spectrograms(tf.math.log(bands + 1e-6))[..., :10].numpy()
    return features[np.random.default_rng(0).permutation(len(features))][..., None]


def tensorflow_alone(model, calibration) -> bytes:
    """What TensorFlow's own guide tells people to do."""
    import tensorflow as tf

    with silence():
        converter = tf.lite.TFLiteConverter.from_keras_model(model)
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        converter.representative_dataset = lambda: ([one[None]] for one in calibration)
        return converter.convert()


def ai_edge_alone(model, calibration) -> bytes:
    """What ai-edge-quantizer's own guide tells people to do: float `.tflite` in, static int8 out."""
    import tensorflow as tf
    from ai_edge_quantizer import quantizer, recipe

    with silence():
        floating = tf.lite.TFLiteConverter.from_keras_model(model).convert()
        work = quantizer.Quantizer(bytearray(floating), recipe.static_wi8_ai8())
        name = next(iter(interpreter(floating).get_signature_runner("serving_default").get_input_details()))
        found = work.calibrate({"serving_default": [{name: one[None]} for one in calibration]}, num_threads=1)
        return bytes(work.quantize(found, enable_progress_report=False).quantized_model)


def times_us(files: dict[str, bytes], sample: np.ndarray) -> dict[str, list[float]]:
    """Time of one call, round by round, the files in turns.

    Where an interpreter's memory happens to lie is worth a few percent, and who is loaded first is slower by
    one: each round loads the files anew, in another order.
    """
    times: dict[str, list[float]] = {name: [] for name in files}
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        loaded = {str(name): interpreter(files[name]) for name in rng.permutation(list(files))}
        for one in loaded.values():
            set_sample(one, [sample])
            for _ in range(CALLS):
                one.invoke()
        for name in map(str, rng.permutation(list(files))):
            start = time.perf_counter_ns()
            for _ in range(CALLS):
                loaded[name].invoke()
            times[name].append((time.perf_counter_ns() - start) / 1e3 / CALLS)
    return times


def slower_by(ours: list[float], theirs: list[float]) -> tuple[float, float]:
    """95 % bootstrap interval of the median of paired ratios, minus 1."""
    ratios = np.asarray(ours) / np.asarray(theirs)
    chosen = np.random.default_rng(0).choice(ratios, (2000, len(ratios)))
    low, high = np.quantile(np.median(chosen, axis=1), (0.025, 0.975))
    return float(low) - 1, float(high) - 1


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def compare(name: str, model, calibration, x, y) -> tuple[list[str], bool]:
    """One model's rows, and whether edgeprune's file is nowhere larger or slower."""
    half = len(x) // 2
    # Recovery is off, as neither rival has one: it pays bytes for accuracy where the limit asks for it.
    options = QuantizeOptions(max_quantization_drop=100.0)
    ours = quantize(model, options, calibration, Validation((x[:half],), None if y is None else y[:half]))
    files = {
        "edgeprune": ours.result.tflite,
        "TensorFlow alone": tensorflow_alone(model, calibration),
        "ai-edge-quantizer alone": ai_edge_alone(model, calibration),
    }
    reference = run_tflite(ours.baseline.tflite, x[half:])
    times = times_us(files, x[:1])
    good, rows = True, []
    for who, file in files.items():
        found = parity(reference, run_tflite(file, x[half:]), None if y is None else y[half:])
        low, high = slower_by(times["edgeprune"], times[who])
        good = good and len(files["edgeprune"]) <= len(file) and low <= 0
        slower = "" if who == "edgeprune" else f"{100 * low:+.1f} to {100 * high:+.1f} %"
        made = [one for one in ours.attempts if one.runnable_bytes is not None]
        among = len(made) if who == "edgeprune" else 1
        lost = "" if y is None else f"{100 * found.drop_fraction:+.2f}"
        rows.append(
            f"| {name} | {who} | {len(file):,} | {statistics.median(times[who]):.0f} µs | {slower} "
            f"| {100 * found.agreement_fraction:.2f} % | {lost} | {among} |"
        )
        say(rows[-1])
    return rows, good


def overhead() -> tuple[float, float]:
    """How much longer edgeprune's conversion of MobileNetV2-224 takes, as factors.

    Returns:
        Of what TensorFlow's guide tells people to do, and of the converter's call inside of our own.
    """
    import tf_keras

    model = tf_keras.applications.MobileNetV2(weights=None)
    calibration = np.random.default_rng(0).random((20, 224, 224, 3), dtype=np.float32)
    ratios = []
    for _ in range(3):
        start = time.perf_counter()
        tensorflow_alone(model, calibration)
        alone = time.perf_counter()
        with silence():
            traced = trace_for_inference(model)
        before = time.perf_counter()
        raw = convert_traced(traced, "int8", (calibration,), "float")
        inside = time.perf_counter() - before
        converted_file(raw, "int8", "tensorflow", traced.inputs, traced.outputs)
        whole = time.perf_counter() - alone
        ratios.append((whole / (alone - start), whole / inside))
        say(f"TensorFlow {alone - start:.1f} s, edgeprune {whole:.1f} s, {inside:.1f} s of it the converter")
    return statistics.median(one for one, _ in ratios), statistics.median(one for _, one in ratios)


def main() -> int:
    """Writes a Markdown table; 1 if edgeprune is larger or slower anywhere."""
    plain = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=plain)
    beside = Path(__file__).resolve().parents[3] / "shared"
    parser.add_argument("--shared", type=Path, default=beside, help="folder with data/ and models/")
    parser.add_argument("--overhead", action="store_true")
    args = parser.parse_args()
    if args.overhead:
        alone, inside = overhead()
        said = (
            f"Converting MobileNetV2-224 takes {alone:.2f} times as long as TensorFlow's converter alone, "
            f"and {inside:.2f}\ntimes as long as the converter's call inside of it."
        )
        write_between(README, "conversion time", said)
        return int(max(alone, inside) > 1.2)
    import tf_keras

    titles = (
        "model", "made by", "bytes", "one call", "edgeprune is slower by", "same answers", "points lost",
        "chosen among",
    )
    load = tf_keras.models.load_model
    images, sounds = cifar(args.shared, "test", 4000), speech(args.shared)
    calibration = cifar(args.shared, "train", 200)[0]
    resnet = load(args.shared / "models" / "pretrainedResnet.h5", compile=False)
    kws = load(args.shared / "models" / "kws_ref_model_converted.h5", compile=False)
    rows, good = compare("ResNet-8", resnet, calibration, *images)
    more, well = compare("kws", kws, sounds[:200], sounds[200:], None)
    head = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    write_between(README, "quantize alone", "\n".join([INTRODUCTION, "", *head, *rows, *more]))
    return int(not (good and well))


if __name__ == "__main__":
    raise SystemExit(main())
