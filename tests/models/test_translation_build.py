"""Translation from nothing: trained shortly, pruned by half, int8, decoded on the device, measured again."""

import base64
import dataclasses
import functools
import json

import numpy as np
import pytest

import edgeprune
import edgeprune_models as zoo
from device_runners import bench
from device_runners.agent.tensors import dequantize
from device_runners.options import BenchOptions
from device_runners.own_metric import with_decoded_figures
from edgeprune.bundle.eval_data import load_eval
from edgeprune.conversion.litert import run_tflite
from edgeprune.data.number_words import number_words
from edgeprune.metrics import evaluate
from tests.tools import need_package


def decoded(tflite, source, length, start):
    """Token by token in plain Python; the network is asked for one more token each time."""
    written = np.zeros((len(source), length), np.int32)
    written[:, 0] = start
    for position in range(1, length):
        written[:, position] = run_tflite(tflite, (source, written))[:, position - 1].argmax(-1)
    last = run_tflite(tflite, (source, written))[:, -1].argmax(-1)
    return np.column_stack([written[:, 1:], last])


@pytest.mark.heavy
def test_a_translator_goes_through_the_whole_build(tmp_path, monkeypatch):
    need_package("num2words", "pip install -e '.[translation]'")
    need_package("sacrebleu", "pip install -e '.[translation]'")
    entry = zoo.default_for("translation")
    short = dataclasses.replace(
        entry, recipe=dataclasses.replace(entry.recipe, epochs=5), fine_tuning={"epochs": 2},
        load_data=functools.partial(number_words, train=5000, validation=150, test=200),
    )
    monkeypatch.setitem(zoo.ZOO, entry.name, short)
    bundle = edgeprune.build(None, None, task="translation", out=tmp_path / "out", calibration=200)
    report = json.loads(bundle.file("report.json").read_text())
    assert report["removed"]["neurons"] == pytest.approx(0.5, abs=0.02)
    found = report["stages"]["deployed"]["metrics"]
    assert list(found) == ["exact_match", "bleu"]
    assert 0.02 < found["bleu"] < 1, "a network that writes all or nothing right proves nothing"
    # The same figures by hand: the file's own tokens against the labels.
    data = short.load_data()
    source, given = data.model_input(data.test.x)
    rows = decoded(bundle.model.read_bytes(), source, given.shape[1], given[0, 0])
    scores = np.eye(data.vocabulary)[rows]
    expected = evaluate(tuple(found), data.test.y, scores)
    assert found == pytest.approx(expected, rel=0, abs=1e-9)
    # The device decodes, too: what comes back are the tokens that it wrote itself.
    record = bench(bundle, "local", BenchOptions(runs=5, min_time_s=0))
    samples = load_eval(bundle.file("eval.npz"))
    kept = [data.test.x[0].tolist().index(text) for text in samples.inputs[0]]
    (predictions,) = record.predictions
    raw = np.frombuffer(base64.b64decode(predictions.data), predictions.dtype).reshape(predictions.shape)
    outputs = dequantize(raw, bundle.manifest.outputs[0])
    np.testing.assert_array_equal(outputs.argmax(-1), rows[kept])
    assert record.metrics == pytest.approx(evaluate(tuple(found), samples.y, outputs), abs=1e-9)
    # A device without sacrebleu: the same figure out of what came back.
    bare = dataclasses.replace(record, metrics={"exact_match": record.metrics["exact_match"]})
    assert with_decoded_figures(bare, bundle) == record
