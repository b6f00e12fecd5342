"""What is passed to `build` and `search` reaches the recipe: given values alone, so that a zoo's own stay."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from types import SimpleNamespace

import pytest

import edgeprune
from edgeprune.api.search import sweep_of
from edgeprune.pipeline import build as pipeline
from edgeprune.pipeline.zoo import with_defaults
from edgeprune.recipe import recipe


@pytest.fixture
def heard(monkeypatch) -> dict[str, object]:
    """What the pipeline is called with; the builds themselves are other tests'."""
    told: dict[str, object] = {}

    def run(source, asked, out, **more):
        told.clear()
        told.update(source=source, recipe=asked, out=out, **more)
        return SimpleNamespace(bundle="the bundle")

    monkeypatch.setattr(pipeline, "run", run)
    return told


def metric(y_true, outputs):
    raise NotImplementedError


@pytest.mark.parametrize(("model", "settings"), [
    ("m.keras", {"prune": 0.3, "epochs": 4, "protect": ["a*"], "ratios": {"conv*": 0.2}, "label": "x"}),
    ("m.keras", {"max_latency": "5ms", "device": "local"}), ("m.keras", {"prune": 0}), ("m.keras", {}),
    (None, {"task": "speech"}), ("zoo:lenet-5", {"prune": 0.5}), ("zoo:lenet-5", {}),
])  # fmt: skip
def test_settings_reach_the_recipe_and_defaults_do_not_count_as_given(heard, model, settings):
    assert edgeprune.build(model, "data", **settings) == "the bundle"
    assert heard["recipe"] == recipe(**with_defaults(model, settings))
    assert (heard["source"].model, heard["source"].data) == (model, "data")
    assert heard["out"] == "build/edgeprune"
    assert heard["resume"] is True


def test_functions_go_as_they_are_and_names_into_the_recipe(heard):
    edgeprune.build("m", "d", metric=metric, loss={"a": metric}, custom_objects={"A": int}, trust_model=True)
    source = heard["source"]
    assert (source.metric, source.loss, source.custom_objects) == (metric, {"a": metric}, {"A": int})
    assert source.trust_model
    assert heard["recipe"] == recipe()
    edgeprune.build("m", "d", metric="a.b:c", loss=["x=mse", "y=mae"], force=True)
    assert (heard["source"].metric, heard["source"].loss) == (None, None)
    assert heard["recipe"] == recipe(metric="a.b:c", loss=("x=mse", "y=mae"))
    assert (heard["force"], heard["resume"]) == (True, False)


def test_a_recipe_file_gives_what_no_keyword_does(heard, tmp_path):
    file = tmp_path / "r.toml"
    file.write_text('model = "zoo:lenet-5"\nprune = 0.7\nepochs = 9\nout = "o"\n[limits]\nmax_size = "1kB"\n')
    edgeprune.build(recipe=file, epochs=1)
    assert (heard["recipe"].prune.ratio, heard["recipe"].train.epochs) == (0.7, 1)
    assert heard["source"].model == "zoo:lenet-5"
    assert Path(heard["out"]) == tmp_path / "o"
    edgeprune.build(recipe=file, out="elsewhere")
    assert heard["out"] == "elsewhere"


def test_keywords_win_over_options(heard):
    options = edgeprune.BenchOptions(min_time_s=0.3, python="/a")
    edgeprune.build("m", "d", options=options, python="/b")
    assert heard["tools"] == dataclasses.replace(options, python="/b")
    edgeprune.build("m", "d", tools=options)  # its earlier name
    assert heard["tools"] == options


def test_a_search_takes_lists_and_texts():
    what = sweep_of(
        "m.keras", "d", vary={"prune": [0.3, 0.5], "qat": [True, False]}, objective="size", device=["a", "b"],
        epochs=1,
    )
    assert what.space.values == {"prune": (0.3, 0.5), "qat": (True, False)}
    assert (what.objectives, what.devices, what.fixed) == (("size",), ("a", "b"), {"epochs": 1})
    assert sweep_of("m.keras", vary="prune=0.3,0.5").space.values == {"prune": (0.3, 0.5)}
    assert sweep_of("m.keras").devices == ("local",)
    with pytest.raises(edgeprune.InputError, match=r"of the type SimpleNamespace.*model\.save"):
        sweep_of(SimpleNamespace())
    with pytest.raises(edgeprune.InputError, match="A search takes no limits"):
        sweep_of("m.keras", max_size="1kB")
