from __future__ import annotations

import pytest

from edgeprune.errors import InputError
from edgeprune.gate import Limits, read_limits


def test_limits_are_read_from_a_recipe(tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[build]\nprune = 0.5\n[limits]\nmax_size = "200kB"\nmax_latency = "5ms"\nmin_accuracy = 0.95\n'
        'max_drop = 0.5\npercentile = 90\ndevice = ["local"]\n'
    )
    asked = read_limits(recipe)
    assert asked.limits == Limits(200_000, 5, None, 0.95, 0.5)
    assert (asked.percentile, asked.devices) == (90, ("local",))
    assert not asked.notes
    stricter = Limits.parse(max_size="100kB", max_memory="1MB").over(asked.limits)
    assert stricter == Limits(100_000, 5, 1_000_000, 0.95, 0.5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[limits]\nmax_size = 200000", "max_size = 200000 has no unit"),
        ('[limits]\nmax-size = "1kB"', "Did you mean 'max_size'"),
        ('[limits]\nmax_sise = "1kB"', "Did you mean 'max_size'"),
        ("[limits]\npercentile = 42", "Expected 50, 90 or 99"),
        ("[limits]\ndevice = [1]", 'such as \\["local"\\]'),
        ("[limits]\nmin_accuracy = true", "cannot be read"),
        ("[build]\nprune = 1", "no \\[limits\\] table"),
        ("limits = 3", "no \\[limits\\] table"),
        ("[limits", "cannot be read as TOML"),
        (b"\xff", "cannot be read as TOML"),
        (None, "There is no recipe"),
    ],
)
def test_limits_that_mean_nothing_are_refused(tmp_path, text, reason):
    recipe = tmp_path / "recipe.toml"
    if text is not None:
        recipe.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=reason):
        read_limits(recipe)


def test_the_older_name_of_the_table_is_read_with_a_note(tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('[budget]\nmax_size = "200kB"\n')
    asked = read_limits(recipe)
    assert asked.limits == Limits(200_000)
    assert asked.notes == (f"{recipe}: [budget] was renamed to [limits]; please rename it.",)
    recipe.write_text('[budget]\nmax_size = "200kB"\n[limits]\nmax_size = "1kB"\n')
    assert read_limits(recipe).limits == Limits(1000)
    assert not read_limits(recipe).notes
    recipe.write_text("[budget]\nmax_sise = 3")
    with pytest.raises(InputError, match="\\[budget\\] has no 'max_sise'"):
        read_limits(recipe)
