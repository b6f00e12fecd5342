"""The page in a real browser: nothing fails, everything is drawn, all of it is within reach of a keyboard."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from edgeprune.report.page import open_subjects, report_page
from edgeprune.report.page.png import PREFIX
from tests.gate.edit import edit_report
from tests.report.browser import browser
from tests.report.test_page import HOSTILE, OF_OUTPUT, PLOTS, spoil

pytestmark = pytest.mark.heavy

TEXTS_OUTSIDE = """
[...document.querySelectorAll('svg[role=img]')].flatMap(svg => {
  const frame = svg.getBoundingClientRect();
  return [...svg.querySelectorAll('text')].filter(one => {
    const box = one.getBoundingClientRect();
    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.top < frame.top - 1 ||
      box.bottom > frame.bottom + 1;
  }).map(one => svg.id + ': ' + one.textContent);
})
"""
SIZES = """
Object.fromEntries([...document.querySelectorAll('svg[role=img]')].map(svg =>
  [svg.id, [svg.getBoundingClientRect().width, svg.getBoundingClientRect().height,
            svg.querySelectorAll('rect,circle,path,polyline,image,use').length]]))
"""
COLOURS = "(b => [b.backgroundColor, b.color])(getComputedStyle(document.body))"


@pytest.fixture(scope="module")
def pages(rich_bundle, run_file, tmp_path_factory):
    """One bundle, one whose every text is hostile, and a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    hostile = Path(shutil.copytree(rich_bundle, folder / "hostile"))
    edit_report(hostile, lambda r: r.update(spoil(r)))
    other = Path(shutil.copytree(rich_bundle, folder / "other"))
    edit_report(other, lambda r: r["stages"]["deployed"].update(metrics={"accuracy": 0.5}, tflite_bytes=900))
    made = {
        "one": ([rich_bundle], [run_file]), "hostile": ([hostile], []), "several": ([rich_bundle, other], []),
    }
    for name, (bundles, records) in made.items():
        (folder / f"{name}.html").write_text(report_page(open_subjects(bundles, records)), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def view():
    with browser() as found:
        yield found


@pytest.mark.parametrize("name", ["one", "hostile", "several"])
def test_it_loads_alone_and_without_an_error(view, pages, name):
    view.open(pages / f"{name}.html")
    assert view.named("Log.entryAdded") == []
    assert view.named("Runtime.exceptionThrown") == []
    assert view.named("Runtime.consoleAPICalled") == []
    asked = [one["request"]["url"] for one in view.named("Network.requestWillBeSent")]
    # Pictures in the page are "requested", too.
    assert [one for one in asked if not one.startswith(PREFIX)] == [(pages / f"{name}.html").as_uri()]
    assert view.evaluate("document.scripts.length") == 0
    assert view.evaluate("document.compatMode") == "CSS1Compat"


def test_every_plot_is_there_and_its_words_are_inside_of_it(view, pages):
    for name in ("one", "hostile", "several"):
        view.open(pages / f"{name}.html")
        view.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        sizes = view.evaluate(SIZES)
        if name == "one":
            assert set(sizes) == {f"b0-{plot}" for plot in PLOTS | OF_OUTPUT}
        assert all(wide > 100 and high > 40 and marks > 0 for wide, high, marks in sizes.values()), sizes
        assert view.evaluate(TEXTS_OUTSIDE) == []


def test_screen_readers_get_names_and_descriptions(view, pages):
    view.open(pages / "one.html")
    nodes = view.call("Accessibility.getFullAXTree")["nodes"]

    def of(role):
        return [node for node in nodes if node.get("role", {}).get("value") == role and not node["ignored"]]

    images = of("image") or of("img")
    assert len(images) == len(PLOTS | OF_OUTPUT)
    assert all(len(node["name"]["value"]) > 30 for node in images)
    for role in ("table", "region", "link", "figure"):
        assert of(role), role
        assert all(node["name"]["value"] for node in of(role)), role
    assert [len(of(role)) for role in ("main", "banner", "contentinfo", "navigation")] == [1, 1, 1, 1]


def test_all_of_it_is_reached_by_keyboard(view, pages):
    view.open(pages / "one.html")
    wanted = view.evaluate("document.querySelectorAll('a[href],summary,[tabindex=\"0\"]').length")
    # What scrolls inside of a closed <details> cannot be reached until it is open.
    hidden = view.evaluate("document.querySelectorAll('details:not([open]) > :not(summary)').length")
    seen = []
    for _ in range(wanted - hidden):
        view.press("Tab", 9)
        seen.append(view.evaluate(
            "(a => a.tagName + ' ' + (a.getAttribute('href') || a.getAttribute('aria-label') || ''))"
            "(document.activeElement)"
        ))
    assert seen[0] == "A #main"
    assert not [one for one in seen if one.startswith("BODY")]
    assert seen.count("SUMMARY ") == view.evaluate("document.querySelectorAll('summary').length")
    view.evaluate("document.querySelector('summary').focus()")
    outline = view.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    view.press("Enter", 13)
    assert view.evaluate("document.querySelector('details').open") is True
    assert outline in ("solid", "auto")


def test_it_fits_a_phone(view, pages):
    for name in ("one", "hostile", "several"):
        view.open(pages / f"{name}.html", width=375)
        assert view.evaluate("document.documentElement.scrollWidth") <= 375, name


def test_light_dark_and_paper_have_colours_of_their_own(view, pages):
    view.open(pages / "one.html")
    found = {}
    for kind, scheme in (("", "light"), ("", "dark"), ("print", "dark")):
        view.media(kind, scheme)
        found[kind or scheme] = view.evaluate(COLOURS)
    view.media()
    assert found["light"][0] == "rgb(255, 255, 255)"
    assert found["dark"][0] == "rgb(16, 22, 29)"
    assert found["print"] == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"]
    pdf = view.call("Page.printToPDF")["data"]
    assert len(pdf) > 10_000


def test_hostile_text_is_shown_and_not_obeyed(view, pages):
    view.open(pages / "hostile.html")
    assert view.evaluate("document.images.length") == 0
    assert "<img src=x onerror=alert(1)>" in HOSTILE
    assert "<img src=x onerror=alert(1)>" in view.evaluate("document.body.innerText")
    assert view.named("Page.javascriptDialogOpening") == []
