"""The one schema of settings: in Python, on the command line and in a file."""

import subprocess
import sys
from typing import get_args

import pytest

from edgeprune.errors import InputError
from edgeprune.recipe import Criterion, Recipe, as_mapping, recipe
from edgeprune.recipe.file import read_recipe, written_recipe

ODD = {
    "prune": 0.3, "max_drop": None, "protect": ('a"b', "c\\d*"), "ratios": {"conv*": 0.25, 'x"y': 0.5},
    "freeze": ("stem",), "qat": True, "threshold": 0.4, "criterion": "fpgm", "learning_rate": 1e-5, "seed": 7,
}


def test_a_written_recipe_reads_back_the_same(tmp_path):
    effective = recipe(**ODD)
    path = tmp_path / "recipe.toml"
    path.write_text(written_recipe(effective, {"model": "mödel \u0007.keras", "data": "x.npz"}))
    given, places = read_recipe(path)
    assert recipe(**given) == effective
    assert places == {"model": "mödel \u0007.keras", "data": "x.npz"}


def test_settings_may_stand_in_a_table_of_their_section(tmp_path):
    flat = recipe(
        prune=0.3, criterion="l2", epochs=3, batch_size=64, quantize="float16", max_drop=1.0, threads=2
    )
    tables = {
        "prune": {"ratio": 0.3, "criterion": "l2"}, "train": {"epochs": 3, "batch-size": 64},
        "quantize": {"quantize": "float16"}, "budget": {"max_drop": 1.0}, "measure": {"threads": 2},
    }
    assert recipe(**tables) == flat
    assert flat.train.epochs == 3
    (tmp_path / "r.toml").write_text(
        'quantize = "float16"\nthreads = 2\nmax_drop = 1.0\n[prune]\nratio = 0.3\ncriterion = "l2"\n'
        "[train]\nepochs = 3\nbatch-size = 64\n[limits]\nmax_size = '1kB'\n"
    )
    given, _ = read_recipe(tmp_path / "r.toml")
    assert given == {
        "quantize": "float16", "threads": 2, "max_drop": 1.0, "prune": 0.3, "criterion": "l2", "epochs": 3,
        "batch_size": 64,
    }
    with pytest.raises(InputError, match="Did you mean 'epochs'"):
        recipe(train={"epoch": 3})


def test_paths_are_beside_the_file(tmp_path):
    (tmp_path / "m.keras").write_bytes(b"")
    text = 'model = "m.keras"\ndata = "keras:mnist"\nout = "o"\n'
    text += '[budget]\nmax_size = "1kB"\n[limits]\nmax_size = "2kB"\n'
    (tmp_path / "r.toml").write_text(text)
    given, places = read_recipe(tmp_path / "r.toml")
    assert given == {}
    assert places == {
        "model": str(tmp_path / "m.keras"), "data": "keras:mnist", "out": str(tmp_path / "o"),
    }


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"prun": 0.5}, "Did you mean 'prune'"),
        ({"prune": 1.0}, "below 1"),
        ({"prune": "half"}, "a number"),
        ({"epochs": 2.5}, "a whole number"),
        ({"qat": 1}, "true or false"),
        ({"protect": 3}, "a list of names"),
        ({"ratios": {"a": 1.5}}, "below 1"),
        ({"quantize": "int4"}, "Expected one of int8"),
        ({"task": "visoin"}, "Did you mean 'vision'"),
        ({"qat": True, "quantize": "dynamic"}, "is for int8"),
        ({"streaming": True, "integer_only": True}, "must stay float"),
        ({"folds": 1}, "At least 2"),
        ({"max_drop": 1.0, "schedule": "iterative"}, "Leave --schedule"),
        ({"batch_size": 0}, "at least 1"),
        ({"criterion": "taylr"}, "Did you mean 'taylor'"),
        ({"threshold": -0.5}, "at least 0"),
        ({"threshold": 0.5, "max_drop": 1.0}, "Leave one of them out"),
    ],
)
def test_what_cannot_be_meant_is_refused(settings, message):
    with pytest.raises(InputError, match=message):
        recipe(**settings)


def test_the_criteria_are_those_that_there_are():
    from edgeprune.pruning.importance import CRITERIA

    assert set(get_args(Criterion)) == set(CRITERIA)


@pytest.mark.parametrize(
    ("text", "message"), [("prune = ", "TOML"), ("model = 3", "A text"), (None, "--write-recipe prints one")]
)
def test_a_bad_file_is_refused(tmp_path, text, message):
    path = tmp_path / "r.toml"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=message):
        read_recipe(path)


def test_typed_options_beat_the_file_and_defaults_do_not(tmp_path):
    path = tmp_path / "r.toml"
    path.write_text('prune = 0.25\nepochs = 9\nprotect = ["a*"]\n')
    command = [
        sys.executable, "-m", "edgeprune", "build", "--recipe", path, "--epochs", "2", "--ratio", "b*=0.5",
        "--write-recipe",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    (tmp_path / "effective.toml").write_text(done.stdout)
    given, _ = read_recipe(tmp_path / "effective.toml")
    expected = {
        **as_mapping(Recipe()), "prune": 0.25, "epochs": 2, "protect": ("a*",), "ratios": {"b*": 0.5},
        "least_steps": 0,  # as epochs were asked for
    }
    assert as_mapping(recipe(**given)) == expected
