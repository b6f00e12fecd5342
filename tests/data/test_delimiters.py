"""What parts the fields of a table that has no comma, semicolon or bar."""

from pathlib import Path

import numpy as np
import pytest

from edgeprune.data.csv_files import read_csv


@pytest.mark.parametrize("header", [[], ["width", "height", "weight", "label"]])
def test_runs_of_spaces_part_numbers(header):
    rng = np.random.default_rng(5)
    x = np.round(rng.normal(size=(60, 4)) * [1000, 10, 0.1, 3], 3)
    rows = [*([header] if header else []), *(map(str, row) for row in x.tolist())]
    lines = ["  " + "   ".join(row) for row in rows]
    lines.insert(9, "")
    table = read_csv("\n".join(lines).encode(), Path("t.csv"), names=frozenset({"label"}))
    assert list(table.columns) == (header or [f"column_{number}" for number in range(1, 5)])
    found = np.stack([np.asarray(one.cells, float) for one in table.columns.values()], 1)
    np.testing.assert_allclose(found, x, rtol=0, atol=0)


@pytest.mark.parametrize("text", ["text\tlabel\n1 2\t0\n3 4\t1\n5 6\t0\n", "text\nbad film\ngood film\n"])
def test_spaces_within_fields_part_nothing(text):
    first = next(iter(read_csv(text.encode(), Path("t.csv"), names=frozenset()).columns.values()))
    assert first.name == "text"
    assert all(" " in cell for cell in map(str, first.cells))
