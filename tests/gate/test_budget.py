from __future__ import annotations

import pytest

from edgeprune.errors import InputError
from edgeprune.gate import Limits, read_budget


def test_a_budget_is_read_from_a_recipe(tmp_path):
    recipe = tmp_path / "recipe.toml"
    recipe.write_text(
        '[build]\nprune = 0.5\n[budget]\nmax_size = "200kB"\nmax_latency = "5ms"\nmin_accuracy = 0.95\n'
        'max_drop = 0.5\npercentile = 90\ndevice = ["local"]\n'
    )
    budget = read_budget(recipe)
    assert budget.limits == Limits(200_000, 5, None, 0.95, 0.5)
    assert (budget.percentile, budget.devices) == (90, ("local",))
    stricter = Limits.parse(max_size="100kB", max_memory="1MB").over(budget.limits)
    assert stricter == Limits(100_000, 5, 1_000_000, 0.95, 0.5)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[budget]\nmax_size = 200000", "max_size = 200000 has no unit"),
        ('[budget]\nmax-size = "1kB"', "Did you mean 'max_size'"),
        ('[budget]\nmax_sise = "1kB"', "Did you mean 'max_size'"),
        ("[budget]\npercentile = 42", "Expected 50, 90 or 99"),
        ("[budget]\ndevice = [1]", 'Expected \\["local"\\]'),
        ("[budget]\nmin_accuracy = true", "cannot be read"),
        ("[build]\nprune = 1", "no \\[budget\\] table"),
        ("budget = 3", "no \\[budget\\] table"),
        ("[budget", "no TOML"),
        (b"\xff", "no TOML"),
        (None, "cannot be read"),
    ],
)
def test_a_budget_that_means_nothing_is_refused(tmp_path, text, reason):
    recipe = tmp_path / "recipe.toml"
    if text is not None:
        recipe.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError, match=reason):
        read_budget(recipe)
