"""TensorFlow's Model Optimization toolkit, imported without Keras 3.

The toolkit looks for a module that Keras 3 does not have, and does without it. Only to look it imports all of
Keras 3, with scikit-learn and matplotlib where they are installed: a second of every command that opens a
Keras 2 model.
"""

from __future__ import annotations

import os
import sys
from typing import Any

from edgeprune.keras_bridge import keras_version  # says that `tf.keras` is Keras 2

del keras_version

_KERAS3, _TOOLKIT = "keras", "tensorflow_model_optimization"


def import_tfmot() -> Any:
    """The toolkit's module.

    Raises:
        ImportError: it is not installed.
    """
    import tf_keras  # brings TensorFlow, which is not to be part of this

    del tf_keras
    # Where the user wants `tf.keras` to be Keras 3, the toolkit has to see it.
    is_legacy = os.environ.get("TF_USE_LEGACY_KERAS", "").lower() in ("1", "true")
    hides = is_legacy and not {_KERAS3, _TOOLKIT} & sys.modules.keys()
    if hides:
        sys.modules[_KERAS3] = None  # type: ignore[assignment]  # as Python marks what cannot be imported
    try:
        import tensorflow_model_optimization as tfmot
    finally:
        if hides:
            sys.modules.pop(_KERAS3, None)
    return tfmot
