"""Remove half of a Keras model's neurons, keep its performance, prove it on your own device.

Importing this package is light: TensorFlow is imported only when a call needs it.
"""

from __future__ import annotations

__version__ = "0.1.0"
