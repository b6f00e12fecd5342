"""Weight sharing (Han et al. 2016, arXiv 1510.00149): a kernel of few distinct values zips well.

It makes nothing faster and the runnable file no smaller: LiteRT stores every weight. Zeros stay
zero, so what weight pruning removed stays removed.
"""

from __future__ import annotations

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from edgeprune.conversion import flatfile
from edgeprune.conversion.linear_operators import linear_operators
from edgeprune.conversion.options import TrainInPlace
from edgeprune.errors import InputError
from edgeprune.keras_bridge.clone import clone
from edgeprune.keras_bridge.keras_version import is_keras3, keras_of
from edgeprune.keras_bridge.silence import silence
from edgeprune.keras_bridge.tfmot import import_tfmot
from edgeprune.keras_types import KerasLayer, KerasModel

_ROUNDS = 50
NOTE = "Shared weights make only the zip smaller: the file that runs gets neither smaller nor faster."


def cluster(
    model: KerasModel, clusters: int, train: TrainInPlace | None
) -> tuple[KerasModel, tuple[str, ...]]:
    """A copy of a model whose kernels have at most `clusters` distinct values.

    With tfmot the shared values are tuned by training; layers it does not know, and models of
    Keras 3, get the nearest of k-means instead, as all do without `train`. Notes for the user come with it.

    Raises:
        InputError: fewer than 2 or more than 256 clusters.
    """
    if not 2 <= clusters <= 256:
        raise InputError(
            f"--clusters is {clusters}.", "2 to 256 values are expected.", "16 is usual; int8 has 256 values."
        )
    notes = [NOTE]
    copy = clone(model)
    if train is not None and not is_keras3(model):
        copy = _tuned(copy, clusters, train)
    elif train is not None:
        notes.append("Shared weights are not tuned by training: tfmot takes Keras 2 (tf_keras) models only.")
    for layer in copy._flatten_layers():  # noqa: SLF001 - nested layers, both Keras versions
        if len(list(layer._flatten_layers())) == 1:  # noqa: SLF001 - it has no layers of its own
            # Values of vectors (biases, statistics) are few and stay.
            shared = [k_means(one, clusters) if one.ndim > 1 else one for one in layer.get_weights()]
            layer.set_weights(shared)
    return copy, tuple(notes)


def unshared_kernels(tflite: bytes, clusters: int) -> int:
    """How many kernels of a file hold more distinct integers than `clusters`.

    A scale for each channel, or a folded normalization, turns one shared value into one for each channel.
    """
    tree = flatfile.parse(tflite)
    tensors = tree.subgraphs[0].tensors
    kernels = {operator.weights for operator in linear_operators(tree)}
    integers = [one for one in kernels if tensors[one].type == schema.TensorType.INT8]
    return sum(len(np.unique(flatfile.read_constant(tree, one, np.int8))) > clusters for one in integers)


def k_means(values: np.ndarray, clusters: int) -> np.ndarray:
    """Each value replaced by its cluster's mean; zeros stay zero and are a cluster of their own.

    Lloyd's rounds from centroids spread evenly between the extremes, which keep the few large
    weights (the paper's linear initialisation).
    """
    nonzero = values[values != 0]
    count = clusters - (nonzero.size < values.size)
    if len(np.unique(nonzero)) <= count:
        return values
    centers = np.linspace(nonzero.min(), nonzero.max(), count)
    for _ in range(_ROUNDS):
        nearest = np.searchsorted((centers[1:] + centers[:-1]) / 2, nonzero)
        members = np.bincount(nearest, minlength=count)
        sums = np.bincount(nearest, nonzero, minlength=count)
        moved = np.where(members > 0, sums / np.maximum(members, 1), centers)
        if np.array_equal(moved, centers):
            break
        centers = moved
    result: np.ndarray = values.copy()
    result[values != 0] = centers[np.searchsorted((centers[1:] + centers[:-1]) / 2, nonzero)]
    return result


def _tuned(model: KerasModel, clusters: int, train: TrainInPlace) -> KerasModel:
    with silence():
        tfmot = import_tfmot()

        # Only the experimental function keeps zeros; tfmot 0.8.1 exports its package, not its name.
        from tensorflow_model_optimization.python.core.clustering.keras.experimental import (
            cluster as experimental,
        )

        api = tfmot.clustering.keras
        initial = api.CentroidInitialization.LINEAR

        def wrapped(layer: KerasLayer) -> KerasLayer:
            try:
                return experimental.cluster_weights(layer, clusters, initial, preserve_sparsity=True)
            except ValueError:  # tfmot does not know this layer; k-means does it afterwards.
                return layer

        clustered = keras_of(model).models.clone_model(model, clone_function=wrapped)
    train(clustered)
    with silence():
        return api.strip_clustering(clustered)
