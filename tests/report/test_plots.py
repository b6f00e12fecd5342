"""Geometry of the plots, read back from the drawing."""

from __future__ import annotations

import itertools
import re
from xml.etree import ElementTree as ET

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from edgeprune.report.page.bars import Bar, bars
from edgeprune.report.page.heatmap import heatmap
from edgeprune.report.page.histogram import histogram
from edgeprune.report.page.html import Html, tag, text
from edgeprune.report.page.scatter import Point, pareto_front, scatter
from edgeprune.report.page.svg import Drawing, Scale, log_ticks, shorten, ticks

numbers = st.floats(-1e12, 1e12, allow_nan=False)
positive = st.floats(1e-6, 1e12)


def drawn(picture: Drawing) -> ET.Element:
    return ET.fromstring(picture.markup)  # noqa: S314  (our own text)


@example(0.0, 5e-324)
@given(numbers, numbers)
def test_ticks_cover_the_range_with_few_round_steps(a, b):
    low, high = min(a, b), max(a, b)
    found = ticks(low, high)
    assert 2 <= len(found) <= 9
    assert found == sorted(found)
    span = found[-1] - found[0]
    assert found[0] <= low + 1e-6 * max(span, abs(low))
    assert found[-1] >= high - 1e-6 * max(span, abs(high))


@given(positive, st.floats(1, 1e9))
def test_logarithmic_ticks_cover_the_range(low, factor):
    found = log_ticks(low, low * factor)
    assert 2 <= len(found) <= 14
    assert found == sorted(set(found))
    assert found[0] <= low * (1 + 1e-9)
    assert found[-1] >= low * factor * (1 - 1e-9)


def test_scales():
    assert Scale(0, 10, 100, 200).at(2.5) == 125
    assert Scale(1, 100, 0, 200, log=True).at(10) == pytest.approx(100)
    assert Scale(3, 3, 0, 9).at(3) == 0


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=8))
def test_the_front_is_what_no_other_point_beats(pairs):
    points = [Point(str(index), "deployed", *pair) for index, pair in enumerate(pairs)]
    front = pareto_front(points)
    for point in points:
        beaten = any(
            other.x <= point.x and other.y >= point.y and (other.x, other.y) != (point.x, point.y)
            for other in points
        )
        assert beaten != ((point.x, point.y) in {(one.x, one.y) for one in front})


def centres(svg: ET.Element) -> dict[str, tuple[float, float]]:
    """Of the marks, by their tooltips' first word."""
    found = {}
    for mark in svg.iter():
        title = mark.find("title")
        if title is None or mark.tag == "svg":
            continue
        if mark.tag == "circle":
            place = float(mark.attrib["cx"]), float(mark.attrib["cy"])
        elif mark.tag == "rect":
            side = float(mark.attrib["width"]) / 2
            place = float(mark.attrib["x"]) + side, float(mark.attrib["y"]) + side
        else:
            numbers = [float(number) for number in re.findall(r"-?[\d.]+", mark.attrib["d"])]
            place = numbers[0], numbers[1] + numbers[2]
        found[(title.text or "").partition(":")[0]] = place
    return found


def draw(points, **more):
    shows = (lambda value: f"{value:g} B", lambda value: f"{value:g}")
    return drawn(scatter(
        "s", "A title", points, ("size", "accuracy"), shows, x_tick=shows[0], y_tick=shows[1], **more
    ))


def test_marks_are_where_their_values_are():
    """Distances between marks and ticks tell the same values again."""
    points = [Point("a", "baseline", 80, 0.9), Point("b", "pruned", 40, 0.8)]
    points.append(Point("c", "deployed", 20, 0.85))
    places = centres(draw(points))
    (ax, ay), (bx, by), (cx, cy) = places["a"], places["b"], places["c"]
    assert ax - bx == pytest.approx(2 * (bx - cx), abs=0.2)
    assert by - cy == pytest.approx(cy - ay, abs=0.2)
    assert ay < by  # up is more


def test_far_apart_sizes_get_a_logarithmic_axis():
    points = [Point(name, "deployed", x, 0.9) for name, x in (("a", 10), ("b", 100), ("c", 1000))]
    svg = draw(points)
    places = centres(svg)
    assert places["b"][0] - places["a"][0] == pytest.approx(places["c"][0] - places["b"][0], abs=0.2)
    assert "size (logarithmic)" in [element.text for element in svg.iter("text")]


@given(st.lists(st.tuples(st.floats(1, 1e6), st.floats(0, 1)), min_size=1, max_size=12))
def test_everything_is_inside_the_drawing_and_names_do_not_touch(pairs):
    svg = draw([Point(f"bundle {index}", "deployed", *pair) for index, pair in enumerate(pairs)])
    wide, high = map(float, svg.attrib["viewBox"].split()[2:])
    assert all(0 <= x <= wide and 0 <= y <= high for x, y in centres(svg).values())
    names = [
        (float(element.attrib["x"]), float(element.attrib["y"])) for element in svg.iter("text")
        if element.attrib.get("class") == "strong"
    ]
    assert len(names) == len(pairs)
    assert all(0 <= x <= wide and 0 <= y <= high for x, y in names)
    if len(pairs) <= 4:  # more may be too many for one spot
        for (ax, ay), (bx, by) in itertools.combinations(names, 2):
            assert abs(ay - by) >= 13 or abs(ax - bx) > 40


def test_bars_are_as_long_as_their_values():
    svg = drawn(bars("b", "Widths", [Bar("a", 24, 32, "24 of 32"), Bar("b", 16, 64, "16 of 64")]))
    wide = [float(rect.attrib["width"]) for rect in svg.iter("rect")]
    assert [width / wide[2] for width in wide] == pytest.approx([0.5, 24 / 64, 1, 0.25], abs=1e-3)


def test_a_histogram_shows_all_but_the_tail_and_says_so():
    values = [1000 + i for i in range(990)] + [10**6] * 10
    svg = drawn(histogram("h", "Latency", values))
    high = [float(rect.attrib["height"]) for rect in svg.iter("rect")]
    area = sum(high)
    # 990 of evenly spread values: no bar is far above another.
    assert max(high) / (area / len(high)) < 1.5
    description = svg.find("desc").text
    assert description.startswith("1,000 timed inferences: p50 1.5 µs")
    assert " took longer than is drawn, up to 1.000 ms" in description
    assert drawn(histogram("h", "Latency", [5])).find("desc").text.startswith("1 timed")


def test_a_confusion_matrix_has_a_cell_for_each_count():
    svg = drawn(heatmap("m", "Answers", [[9, 1], [0, 4]], ["cat", "dog"]))
    said = [title.text for title in svg.iter("title")]
    assert "cat predicted as dog: 1" in said
    assert [element.text for element in svg.iter("text") if (element.text or "").isdigit()] == ["9", "1", "4"]
    assert "13 of 14" in svg.find("desc").text
    shades = {rect.find("title").text: float(rect.attrib["fill-opacity"]) for rect in svg.iter("rect")
              if rect.find("title") is not None}
    assert shades["dog predicted as dog: 4"] == 1.0
    assert shades["cat predicted as dog: 1"] == pytest.approx(0.12 + 0.6 / 10, abs=0.01)


@given(st.text(max_size=40))
def test_any_text_stays_text(words):
    element = tag("p", words, title=words)
    parsed = re.sub(r"&(?:amp|lt|gt|quot|#x27);", "", element)
    assert parsed.count("<") == 2
    assert parsed.count('"') == 2
    assert text(Html("<b>")) == "<b>"


def test_names_are_cut_in_the_middle():
    assert shorten("block_1/expand/conv", 11) == "block…/conv"
    assert shorten("short", 11) == "short"
    with pytest.raises(ValueError, match="not an attribute"):
        tag("p", **{"on<x": "1"})
