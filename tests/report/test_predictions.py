"""Plots of what outputs predict: masks and boxes over pictures, confusion, errors."""

from __future__ import annotations

import base64
import dataclasses
import io
import re

import numpy as np
import pytest

from edgeprune.bundle import read_bundle
from edgeprune.report.page import open_subjects, report_page
from edgeprune.report.page.errors import errors_figure
from edgeprune.report.page.png import PREFIX, png_address
from edgeprune.report.plots import (
    BoxReport,
    ConfusionReport,
    ErrorsReport,
    ExampleReport,
    LabelsReport,
    MarksReport,
    OutputReport,
    packed,
    unpacked,
)
from edgeprune.types import OutputTask
from tests.report.markup import Page

RANDOM = np.random.default_rng(3)
PICTURE = RANDOM.integers(0, 256, (6, 8, 3)).astype(np.uint8)


def decoded(address):
    image = pytest.importorskip("PIL.Image")
    return np.asarray(image.open(io.BytesIO(base64.b64decode(address.removeprefix(PREFIX), validate=True))))


@pytest.mark.parametrize("shape", [(1, 1, 3), (6, 8, 3), (5, 3, 4)])
def test_a_png_holds_the_pixels_that_another_reader_finds(shape):
    pixels = RANDOM.integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(decoded(png_address(pixels)), pixels)


@pytest.mark.parametrize(("text", "shape"), [
    ("", (6, 8, 3)), ("no base64!", (6, 8, 3)), (packed(PICTURE)[:-8], (6, 8, 3)),
    (packed(PICTURE), (6, 9, 3)), (packed(PICTURE), (6, 7, 3)),
    (packed(np.zeros(10**7, np.uint8)), (6, 8, 3)),
    (packed(np.zeros((97, 97, 3), np.uint8)), (97, 97, 3)), (packed(PICTURE), (0, 8, 3)),
    (base64.b64encode(b"not compressed").decode(), (6, 8, 3)),
])
def test_pixels_that_do_not_fit_are_none(text, shape):
    assert unpacked(text, shape) is None


def test_pixels_come_back():
    np.testing.assert_array_equal(unpacked(packed(PICTURE), (6, 8, 3)), PICTURE)


def mask(*rows):
    return MarksReport(mask=packed(np.array(rows, np.uint8)))


TRUE = [[0] * 8] * 4 + [[1] * 8] + [[255] * 8]
FOUND = [[0] * 8] * 4 + [[1] * 6 + [2] * 2] + [[1] * 8]


def page_with(bundle, outputs, tasks):
    (subject,) = open_subjects([bundle])
    report = dataclasses.replace(subject.report, outputs=outputs, confusion=None)
    manifest = dataclasses.replace(subject.bundle.manifest, tasks=tasks)
    opened = dataclasses.replace(subject.bundle, manifest=manifest)
    return report_page([dataclasses.replace(subject, report=report, bundle=opened)])


def test_masks_lie_over_their_picture_and_are_told_in_words(true_bundle):
    example = ExampleReport(7, 6, 8, packed(PICTURE), mask(*TRUE), mask(*TRUE), mask(*FOUND))
    task = OutputTask("classes", ("mean_iou",), classes=("ground", "road", "<b>car"))
    text = page_with(true_bundle, (OutputReport("", "classes", examples=(example,)),), (task,))
    page = Page(text)
    (caption,) = (words for _, words in page.all("figcaption") if words.startswith("Test sample 7"))
    # 38 of 40 labelled pixels are right.
    expected = "Test sample 7: the original is right on 100.0 % of the pixels, the deployed model on 95.0 %."
    assert caption.replace("\N{NO-BREAK SPACE}", " ") == expected
    titles = [words for _, words in page.all("title") if words.startswith("Test sample 7")]
    assert titles == [f"Test sample 7, {name}" for name in ("true", "original", "deployed")]
    told = [words for _, words in page.all("desc") if "this sample" in words]
    assert told == [
        "What is true of this sample: road on 16.7 % of the picture.",
        "What the original finds in this sample: road on 16.7 % of the picture.",
        "What the deployed model finds in this sample: road on 29.2 %, <b>car on 4.2 % of the picture.",
    ]
    assert "<b>car" not in text
    legend = [words for _, words in page.all("li")]
    assert {"ground (not coloured)", "road", "<b>car"} <= set(legend)
    drawn = [attributes["href"] for attributes, _ in page.all("image")]
    assert len(drawn) == 4  # the picture once, and three masks
    np.testing.assert_array_equal(decoded(drawn[0]), PICTURE)
    shown = decoded(drawn[3])[..., 3] > 0
    np.testing.assert_array_equal(shown, (np.array(FOUND) > 0) & (np.array(FOUND) < 255))


def test_labels_have_their_f1_and_the_counts_behind_it(true_bundle):
    labels = LabelsReport((8, 4), (8, 2), (0, 1), (6, 0), (2, 0))
    task = OutputTask("multi_label", ("label_f1",), classes=("cat", "<dog>"))
    text = page_with(true_bundle, (OutputReport("", "multi_label", labels=labels),), (task,))
    page = Page(text)
    (told,) = [words for _, words in page.all("desc") if words.startswith("F1 of each label")]
    # 2 * 6 / (8 + 6 + 2) of 2 * 8 / (8 + 8), and 0 of 2 * 2 / (4 + 2 + 1).
    assert told == "F1 of each label. cat: 100.0 → 75.0 %; <dog>: 57.1 → 0.0 %."
    assert "<dog>" not in text
    wrong = dataclasses.replace(labels, deployed_hits=(9, 0))
    assert "F1 of each label" not in page_with(
        true_bundle, (OutputReport("", "multi_label", labels=wrong),), (task,)
    )


def test_boxes_are_drawn_where_they_are(true_bundle):
    true = MarksReport((BoxReport(1, 0.25, 0.5, 0.75, 1.0),))
    found = MarksReport((BoxReport(1, 0.25, 0.5, 0.75, 1.5, 0.875), BoxReport(4, 0.0, 0.0, 0.1, 0.1, 0.5)))
    example = ExampleReport(2, 6, 8, packed(PICTURE), true, MarksReport(), found)
    task = OutputTask("boxes", ("map_50",), classes=("cat", "dog"))
    page = Page(page_with(true_bundle, (OutputReport("", "boxes", examples=(example,)),), (task,)))
    boxes = [
        tuple(float(attributes[side]) for side in ("x", "y", "width", "height"))
        for attributes, _ in page.all("rect") if str(attributes.get("class", "")).startswith("box")
    ]
    assert boxes == [(120.0, 45.0, 120.0, 90.0)] * 2 + [(0.0, 0.0, 24.0, 18.0)]
    told = [words.partition(": ")[2] for _, words in page.all("desc") if "this sample" in words]
    assert told == ["dog.", "no boxes.", "dog, class 4."]
    names = {words: attributes for attributes, words in page.all("text")}
    assert {"dog", "dog 0.88", "class 4 0.50"} <= names.keys()


def test_names_of_boxes_stay_inside_of_the_picture(true_bundle):
    boxes = MarksReport((BoxReport(0, 0.25, 0.9, 0.75, 1.0, 0.875),))
    example = ExampleReport(2, 6, 8, packed(PICTURE), boxes, boxes, boxes)
    task = OutputTask("boxes", ("map_50",), classes=("traffic light",))
    page = Page(page_with(true_bundle, (OutputReport("", "boxes", examples=(example,)),), (task,)))
    found = [one for one, words in page.all("text") if words == "traffic light 0.88"]
    assert [(one["text-anchor"], one["x"]) for one in found] == [("end", "237")] * 3


def test_several_outputs_have_their_own_plots_under_their_names(true_bundle):
    confusion = ConfusionReport(((9, 1), (0, 4)), ((8, 2), (1, 3)))
    errors = ErrorsReport((-2.0, 0.0, 2.0), (3, 5), (4, 2), 1, 2)
    outputs = (OutputReport("kind", "classes", confusion), OutputReport("price", "values", errors=errors))
    kind = OutputTask("classes", ("accuracy",), "kind", ("cat", "dog"))
    tasks = (kind, OutputTask("values", ("r2",), "price"))
    page = Page(page_with(true_bundle, outputs, tasks))
    assert [words for _, words in page.all("h3")][:2] == ["kind", "price"]
    drawn = {attributes["id"] for attributes, _ in page.all("svg", role="img") if "id" in attributes}
    assert {"b0-o0-cm-before", "b0-o0-cm-after", "b0-o1-errors"} <= drawn
    captions = " ".join(words for _, words in page.all("figcaption"))
    assert "Deployed on test data: 11 of 14 predictions are right." in captions
    assert "beyond the edges: 2 of the deployed model, 1 of the original." in captions


def test_differences_from_the_original_are_not_called_errors(true_bundle):
    errors = ErrorsReport((-2.0, 0.0, 2.0), (0, 8), (4, 3), 0, 1, of_original=True)
    outputs = (OutputReport("box", "original", errors=errors),)
    page = Page(page_with(true_bundle, outputs, (OutputTask("original", ("r2",), "box"),)))
    (caption,) = (words for _, words in page.all("figcaption") if words.startswith("Differences"))
    assert "the deployed model's outputs minus the original's, which stand for the truth." in caption
    assert "Half of the differences are below 1. Not drawn, beyond the edges: 1." in caption
    bars = [words for _, words in page.all("title") if words.startswith("0 to 2")]
    assert bars == ["0 to 2: 3"]


@pytest.mark.parametrize("errors", [
    ErrorsReport((0.0, 1.0), (1, 2), (3, 4)), ErrorsReport((1.0, 0.0), (1,), (2,)),
    ErrorsReport((0.0, 1.0), (-1,), (2,)), ErrorsReport((), (), ()), ErrorsReport((0.0, 1.0), (0,), (0,)),
])
def test_counts_that_do_not_fit_their_edges_are_not_drawn(errors):
    assert errors_figure("x", errors, "") is None


def test_every_address_is_a_picture_in_the_page(true_bundle):
    example = ExampleReport(7, 6, 8, packed(PICTURE), mask(*TRUE), mask(*TRUE), mask(*FOUND))
    outputs = (OutputReport("", "classes", examples=(example,)),)
    text = page_with(true_bundle, outputs, (OutputTask("classes", ("mean_iou",)),))
    found = re.findall(r"(?:src|href)=\"([^\"]*)\"", text)
    assert all(one.startswith(("#", PREFIX)) for one in found)
    assert "img-src data:;" in text
    assert read_bundle(true_bundle).manifest.tasks == ()
