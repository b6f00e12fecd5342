"""What a newcomer meets first: short, true to the measured tables, without dead links."""

from __future__ import annotations

import re

import pytest

from tests.benchmarks import front_page
from tests.benchmarks.readme import HERE
from tests.documents import ROOT, documents

MOST_WORDS = 1500  # of the first README, tables and commands included


def test_the_first_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").split()) <= MOST_WORDS


def test_the_short_table_is_that_of_the_measured_results():
    assert front_page.table() in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("theme", front_page.THEMES)
def test_the_picture_is_that_of_the_measured_table(theme):
    found = front_page.points((HERE / "README.md").read_text(encoding="utf-8"))
    assert {one.method for one in found} == {"original", *front_page.METHODS}
    drawn = front_page.picture(found, front_page.THEMES[theme])
    assert (HERE / f"accuracy-{theme}.svg").read_text(encoding="utf-8") == drawn


def test_macs_of_the_picture_are_those_of_its_network():
    import tf_keras

    from edgeprune.graph.cost import cost
    from edgeprune.keras_bridge.read import read
    from edgeprune.pruning.dependencies import find_dependencies

    def macs(ratio: float) -> int:
        widths = [round(width * ratio) for width in (32, 64, 128, 256)]
        layers = tf_keras.layers
        model = tf_keras.Sequential([tf_keras.Input((28, 28, 1))])
        for width in widths[:3]:
            model.add(layers.Conv2D(width, 3, padding="same"))
            if width < widths[2]:
                model.add(layers.MaxPooling2D())
        for layer in (layers.Flatten(), layers.Dense(widths[3]), layers.Dense(10)):
            model.add(layer)
        return cost(find_dependencies(read(model).graph)).macs

    assert front_page.macs_left(50) == pytest.approx(100 * macs(0.5) / macs(1), rel=1e-9)


def _anchor(title: str) -> str:
    """The name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


@pytest.mark.parametrize("document", documents(), ids=str)
def test_links_lead_somewhere(document):
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text):
        place, _, anchor = (target[0] or target[1]).partition("#")
        if place.startswith(("http://", "https://", "mailto:")):
            continue
        path = (ROOT / document).parent / place if place else ROOT / document
        assert path.exists(), place
        if anchor:
            titles = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(_anchor, titles), anchor
