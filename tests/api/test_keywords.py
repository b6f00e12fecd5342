"""Calls with words that a function does not have."""

from __future__ import annotations

import inspect

import pytest

import edgeprune
from edgeprune.errors import InputError, KeywordError
from edgeprune.keywords import OTHER_WORDS, checked, declares, meant
from edgeprune.recipe import SETTINGS, recipe


@pytest.mark.parametrize(("function", "given", "near"), [
    ("build", {"prun": 0.5}, "prune"), ("build", {"sparsity": 0.5}, "prune"),
    ("build", {"lr": 0.1}, "learning_rate"), ("build", {"ratio": 0.5}, "prune"),
    ("build", {"output_dir": "x"}, "out"), ("prune", {"ration": 0.5}, "ratio"),
    ("prune", {"sparsity": 0.5}, "ratio"),
    ("search", {"trails": 3}, "trials"), ("bench", {"num_threads": 3}, "threads"),
    ("check", {"max_siz": "1kB"}, "max_size"), ("compare", {"round": 9}, "rounds"),
    ("export", {"androidd": "x"}, "android"), ("shrink", {"trust": True}, "trust_model"),
    ("inspect", {"custom_object": ""}, "custom_objects"), ("write_report", {"output": "x"}, "out"),
])  # fmt: skip
def test_a_typo_gets_the_word_that_was_meant_before_anything_is_opened(function, given, near):
    with pytest.raises(KeywordError, match=f"Did you mean '{near}'") as raised:
        getattr(edgeprune, function)(**given)
    assert function in str(raised.value)
    assert next(iter(given)) in str(raised.value)
    # Whoever catches what Python raises for it, or what edgeprune raises, catches it.
    assert isinstance(raised.value, TypeError)
    assert isinstance(raised.value, InputError)


def test_a_word_that_is_like_none_gets_the_list():
    with pytest.raises(KeywordError, match=r"Its arguments are .*round_time"):
        edgeprune.compare("a", "b", qqqqq=1)


@pytest.mark.parametrize(("call", "told"), [
    (lambda: edgeprune.compare("a"), "missing a required argument: 'b'"),
    (edgeprune.check, "missing a required argument: 'bundle'"),
    (lambda: edgeprune.build("a", "b", "c"), "too many positional arguments"),
    (lambda: edgeprune.bench("a", target="b"), "multiple values for argument 'target'"),
])  # fmt: skip
def test_arguments_that_do_not_fit_are_told(call, told):
    with pytest.raises(KeywordError, match=told):
        call()


def test_settings_of_recipes_and_options_get_the_same_help():
    with pytest.raises(InputError, match="Did you mean 'learning_rate'"):
        recipe(lr=0.1)


def test_words_of_other_tools_lead_to_arguments_and_hide_none():
    names = {name for function in ("build", "search", "bench") for name in
             inspect.signature(getattr(edgeprune, function)).parameters}
    assert {word for words in OTHER_WORDS.values() for word in words.split()} <= {*names, "ratio"}
    assert not set(OTHER_WORDS) & set(SETTINGS)


def test_work_hears_what_was_passed_and_no_defaults():
    def work(**given: object) -> dict[str, object]:
        return given

    @declares(work, c="b")
    def function(a: int, b: int = 2, *, d: int = 3) -> dict[str, object]:
        """Says so."""
        raise NotImplementedError

    assert function(1) == {"a": 1}
    assert function(1, 2, d=3) == {"a": 1, "b": 2, "d": 3}
    assert function(a=1, c=5) == {"a": 1, "b": 5}
    assert list(inspect.signature(function).parameters) == ["a", "b", "d"]
    assert function.__doc__ == "Says so."


def test_earlier_names_still_work():
    @checked(amount="ratio")
    def prune(ratio: float = 0.5) -> float:
        return ratio

    assert prune(amount=0.2) == 0.2
    with pytest.raises(KeywordError, match="Did you mean 'ratio'"):
        prune(ratios=0.2)


def test_nothing_is_meant_by_what_is_like_nothing():
    assert meant("zzz", ["prune"]) == ""
    assert meant("max-drop", ["max_drop"]) == "max_drop"
    assert meant("sparsity", ["ratio"]) == "ratio"
    assert meant("sparsity", ["prune"]) == "prune"
