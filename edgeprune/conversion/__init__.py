"""Keras model to `.tflite`: conversion, quantization, and the proof that nothing got lost.

`quantize` is the whole stage. `convert` makes one file, `run_tflite` runs it as a device does, `parity`
compares the two models, and `attach` puts labels and normalisation in.
"""

from edgeprune.conversion.convert import convert
from edgeprune.conversion.litert import run_tflite
from edgeprune.conversion.metadata import attach
from edgeprune.conversion.options import Attempt, Quantized, QuantizeOptions, Validation
from edgeprune.conversion.parity import Parity, parity
from edgeprune.conversion.quantize import quantize, quantize_for_timing
from edgeprune.conversion.values import MODES, Converted

__all__ = [
    "MODES", "Attempt", "Converted", "Parity", "QuantizeOptions", "Quantized", "Validation", "attach",
    "convert", "parity", "quantize", "quantize_for_timing", "run_tflite",
]
