from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeprune.errors import InputError
from edgeprune.quantities import parse_duration, parse_fraction, parse_points, parse_size


@pytest.mark.parametrize(
    ("parse", "text", "value"),
    [
        (parse_size, "200kB", 200_000), (parse_size, "1.5MB", 1_500_000), (parse_size, "64KiB", 65_536),
        (parse_size, "3 MiB", 3_145_728), (parse_size, "7B", 7), (parse_size, "2GB", 2e9),
        (parse_duration, "5ms", 5), (parse_duration, "300us", 0.3), (parse_duration, "300µs", 0.3),
        (parse_duration, "1.5 s", 1500), (parse_duration, "20ns", 2e-5),
        (parse_fraction, "0.95", 0.95), (parse_fraction, 0.95, 0.95), (parse_fraction, "95%", 0.95),
        (parse_fraction, 1, 1),
        (parse_points, "0.5", 0.5), (parse_points, 0, 0), (parse_points, "2points", 2),
    ],
)
def test_what_people_write(parse, text, value):
    assert parse(text, "--x") == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize(
    ("parse", "text", "way_out"),
    [
        (parse_size, "200000", "200000B or 200kB"), (parse_size, 200_000, "200000B or 200kB"),
        (parse_size, "200KB", "200kB or 200KiB"), (parse_size, "0kB", "more than zero"),
        (parse_size, "-5kB", "such as 200kB"), (parse_size, "1e3kB", "such as 200kB"),
        (parse_size, "200,5kB", "such as 200kB"), (parse_size, "", "such as 200kB"),
        (parse_size, "nan", "such as 200kB"), (parse_size, "5ms", "kB"), (parse_size, True, "such as"),
        (parse_duration, "5", "5ms"), (parse_duration, 5, "5ms"), (parse_duration, "5m", "5ms"),
        (parse_duration, "0ms", "more than zero"),
        (parse_fraction, "95", "95% or 0.95"), (parse_fraction, "1.01", "0.0101"),
        (parse_fraction, "101%", "95%"), (parse_fraction, "-0.1", "such as 0.95"),
        (parse_points, "0.5%", "points"),
        (parse_points, "101", "points"), (parse_points, "-1", "points"),
    ],
)
def test_what_could_mean_several_things_is_refused_with_the_way_out(parse, text, way_out):
    with pytest.raises(InputError, match=way_out) as caught:
        parse(text, "--x")
    assert "--x" in str(caught.value)


@given(st.sampled_from([parse_size, parse_duration, parse_fraction, parse_points]), st.text(max_size=12))
def test_any_text_is_read_or_refused(parse, text):
    with contextlib.suppress(InputError):
        assert parse(text, "--x") >= 0


def test_microseconds_of_small_models_have_two_digits_that_count():
    from edgeprune.quantities import show_duration

    assert [show_duration(value) for value in (0.00058, 0.0056, 0.0872, 0.246, 1.5, 0.0)] == [
        "0.58 µs", "5.6 µs", "87.2 µs", "246 µs", "1.500 ms", "0.0 µs",
    ]
