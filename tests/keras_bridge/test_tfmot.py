"""The toolkit comes without Keras 3 where nobody has imported that, and works the same."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.heavy

FRESH = """
import sys
from edgeprune.keras_bridge.tfmot import import_tfmot
{before}
tfmot = import_tfmot()
import tf_keras
found = "keras" in sys.modules, "sklearn" in sys.modules
import keras
wrap = tfmot.sparsity.keras.prune_low_magnitude
model = wrap(tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(3)]))
tfmot.sparsity.keras.strip_pruning(model)
tfmot.quantization.keras.quantize_model(tf_keras.Sequential([tf_keras.Input((4,)), tf_keras.layers.Dense(3)]))
from tensorflow_model_optimization.python.core.sparsity.keras import prune_registry
print(*found, keras.__version__.partition(".")[0], prune_registry.base_layer)
"""


@pytest.mark.parametrize(("before", "legacy", "expected"), [
    ("", "1", "False False 3 None"),
    ("import keras", "1", "True"),
    ("", "0", "True"),
])
def test_keras_3_is_imported_only_where_somebody_wants_it(before, legacy, expected):
    done = subprocess.run(
        [sys.executable, "-c", FRESH.format(before=before)], check=True, capture_output=True, text=True,
        env={**os.environ, "TF_USE_LEGACY_KERAS": legacy},
    )
    printed = done.stdout.strip()
    assert printed.startswith(expected)
    assert printed.endswith("3 None")
