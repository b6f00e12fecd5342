"""Keras model to `.tflite`: conversion, quantization, and the proof that nothing got lost.

`convert` makes one file, `run_tflite` runs it as a device does, `parity` compares the two models.
"""

from edgeprune.conversion.convert import convert
from edgeprune.conversion.litert import run_tflite
from edgeprune.conversion.parity import Parity, parity
from edgeprune.conversion.values import MODES, Converted

__all__ = ["MODES", "Converted", "Parity", "convert", "parity", "run_tflite"]
