"""The page as text: complete, escaped, small, labelled."""

from __future__ import annotations

import dataclasses
import itertools
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from edgeprune.bundle import load_eval
from edgeprune.errors import InputError
from edgeprune.report.page import open_subjects, report_page
from edgeprune.report.page.confusion import from_record
from edgeprune.report.page.heatmap import shade
from edgeprune.report.page.page import CSS, MAX_BYTES
from edgeprune.report.page.png import PREFIX
from edgeprune.report.verdict import verdict
from tests.gate.edit import edit_manifest, edit_report
from tests.report.markup import Page

PLOTS = {"size", "latency", "widths", "macs", "errors", "run0", "cm-before", "cm-after", "loss", "score"}
OF_OUTPUT = {"o0-errors", "o0-cm-before", "o0-cm-after"} | {
    f"o0-{example}-{name}" for example in range(2) for name in ("true", "original", "deployed")
}
HOSTILE = "</title></style></script><img src=x onerror=alert(1)>\"'`&lt;{{7*7}}\x00\x1b\u202eevil"


def page_of(*bundles, records=()):
    return report_page(open_subjects(bundles, records))


def test_a_rich_bundle_gives_every_plot_with_its_name_and_description(rich_bundle, run_file):
    page = Page(page_of(rich_bundle, records=[run_file]))
    drawn = {attributes["id"]: attributes for attributes, _ in page.all("svg", role="img")}
    assert set(drawn) == {f"b0-{name}" for name in PLOTS | OF_OUTPUT}
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    words = {attributes["id"]: text for tag in ("title", "desc") for attributes, text in page.all(tag)
             if "id" in attributes}
    for identity, attributes in drawn.items():
        assert attributes["aria-labelledby"] == f"{identity}-t {identity}-d"
        assert words[f"{identity}-t"]
        assert len(words[f"{identity}-d"]) > 20
    assert {"b0-o0-0-p", "b0-o0-1-p"} <= set(ids)
    targets = {str(a["href"]) for a, _ in page.all("a")}
    assert targets == {f"#{a['id']}" for a, _ in page.all("section")} | {"#main"}
    headings = [int(tag[1]) for tag, _, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert headings[0] == 1
    assert all(after - before <= 1 for before, after in itertools.pairwise(headings))


def test_the_figures_are_the_report_s(rich_bundle):
    page = Page(page_of(rich_bundle))
    tiles = dict(
        re.fullmatch(r"(File size|Accuracy|Neurons removed|MACs removed)(.*)", text).groups()
        for _, text in page.all("li") if re.match("File size|Accuracy|Neurons|MACs", text)
    )
    size = (rich_bundle / "model.tflite").stat().st_size
    assert tiles["File size"] == f"4.0×smaller{4 * size / 1000:.1f} kB → {size / 1000:.1f} kB".replace(  # noqa: RUF001
        "smaller", " smaller")
    assert tiles["Neurons removed"] == "50.0 %48 → 24"
    assert tiles["MACs removed"] == "66.7 %90,000 → 30,000"
    cells = [text for _, text in page.all("td")]
    assert "5.000 %" in cells  # an error of the quantization
    assert "30,000" in cells
    assert "bias correction" in [text for _, text in page.all("th")]
    assert "shipped" in cells
    assert {"1.25", "0.25", "No training data was given."} <= set(cells)


TYPED = str.maketrans({"\N{NO-BREAK SPACE}": " ", "→": "->", "\N{MULTIPLICATION SIGN}": "x"})


def test_the_first_sentence_is_the_verdict_and_says_how_sure_it_is(rich_bundle, tmp_path):
    folder = tmp_path / "sure"
    shutil.copytree(rich_bundle, folder)
    metric = next(iter(json.loads((folder / "report.json").read_text())["stages"]["baseline"]["metrics"]))
    edit_report(folder, lambda report: report.update(change_errors={metric: 0.0125}))
    for bundle, sure in ((rich_bundle, False), (folder, True)):
        page = Page(page_of(bundle))
        ((_, text),) = page.all("p", class_="verdict")
        plain = text.translate(TYPED)
        assert plain == verdict(open_subjects([bundle], ())[0].report)
        explained = [words for _, words in page.all("p") if words.startswith("± is twice the standard error")]
        assert ("± 2.50 points" in plain) == bool(explained) == sure


def test_what_is_absent_is_left_out(true_bundle):
    text = page_of(true_bundle)
    page = Page(text)
    drawn = {str(attributes["id"]).removeprefix("b0-") for attributes, _ in page.all("svg", role="img")}
    assert drawn == PLOTS - {"errors", "run0", "cm-before", "cm-after"}
    assert "Predictions" not in text
    assert "No measurement on a device was given" in text


def spoil(value):
    """Every text of a document made hostile; keys that readers look up stay."""
    if isinstance(value, dict):
        return {key: spoil(item) for key, item in value.items()}
    if isinstance(value, list):
        return [spoil(item) for item in value]
    return HOSTILE if isinstance(value, str) else value


def test_nothing_from_a_bundle_becomes_markup(rich_bundle, run_file, tmp_path):
    plain = Page(page_of(rich_bundle, records=[run_file]))
    bundle = Path(shutil.copytree(rich_bundle, tmp_path / "<b onclick=alert(1)>"))
    (bundle / "labels.txt").write_text("\n".join([HOSTILE.replace("\x1b", "")] * 5), encoding="utf-8")
    edit_report(bundle, lambda r: r.update(spoil(r)))
    edit_report(bundle, lambda r: r["recipe"].update({HOSTILE: [HOSTILE]}))
    edit_manifest(bundle, lambda m: m.update(commands=[HOSTILE], versions={HOSTILE: HOSTILE}))
    run = json.loads(run_file.read_text())[0]
    keep = {"model": run["model"], "predictions": run["predictions"]}
    (tmp_path / "run.json").write_text(json.dumps([{**spoil(run), **keep}]))
    text = page_of(bundle, records=[tmp_path / "run.json"])
    page = Page(text)
    names = {tag for tag, _, _ in page.elements}
    assert names <= {tag for tag, _, _ in plain.elements}
    for _, attributes, _ in page.elements:
        assert not [key for key in attributes if key.startswith("on")]
        addresses = [str(v) for k, v in attributes.items() if k in ("src", "href")]
        assert all(one.startswith(("#", PREFIX)) for one in addresses)
    assert not re.search("[\x00-\x08\x0b\x0c\x0e-\x1f\u202e]", text)
    assert "script" not in names
    assert "onerror=alert(1)" in "".join("".join(words) for _, _, words in page.elements)


def test_nothing_is_loaded(rich_bundle):
    text = page_of(rich_bundle)
    assert not re.search(rf"(src|href)=\"(?!#|{PREFIX})|url\(|@import|https?:", text.replace(CSS, ""))
    assert not re.search(r"url\(|@import|https?:", CSS)
    policy = next(a["content"] for a, _ in Page(text).all("meta") if "http-equiv" in a)
    assert str(policy).startswith("default-src 'none'")


def test_large_reports_stay_below_a_megabyte(rich_bundle, run_file, tmp_path):
    bundle = Path(shutil.copytree(rich_bundle, tmp_path / "large"))

    def grow(report):
        report["groups"] = [
            {"name": f"block_{i}/{'x' * 60}", "units_before": 960, "units_after": 480} for i in range(900)
        ]
        report["confusion"] = {k: [[1] * 200 for _ in range(200)] for k in ("baseline", "deployed")}
        report["training"] = [{"epoch": i, "loss": 1 / (i + 1), "score": 0.5} for i in range(2000)]

    edit_report(bundle, grow)
    assert len(page_of(bundle, records=[run_file]).encode()) < MAX_BYTES
    (subject,) = open_subjects([bundle], [run_file])
    with pytest.raises(InputError, match="the most"):
        report_page([dataclasses.replace(subject, records=subject.records * 200)])


def test_a_run_of_another_model_is_refused(rich_bundle, run_file, tmp_path):
    run = json.loads(run_file.read_text())[0]
    run["model"]["sha256"] = "0" * 64
    (tmp_path / "other.json").write_text(json.dumps(run))
    with pytest.raises(InputError, match="another model"):
        page_of(rich_bundle, records=[tmp_path / "other.json"])
    with pytest.raises(InputError, match="There is no"):
        page_of(rich_bundle, records=[tmp_path / "none.json"])


def test_confusion_from_what_a_device_answered(true_bundle, run_file):
    """Against answers counted here, one by one."""
    import base64

    (subject,) = open_subjects([true_bundle], [run_file])
    kept = subject.records[0].predictions[0]
    answers = np.frombuffer(base64.b64decode(kept.data), kept.dtype).reshape(kept.shape).argmax(1)
    expected = np.zeros((5, 5), int)
    for truth, answer in zip(load_eval(true_bundle / "eval.npz").y, answers, strict=True):
        expected[truth, answer] += 1
    np.testing.assert_array_equal(from_record(subject, subject.records[0]), expected)
    drawn = {a["id"] for a, _ in Page(page_of(true_bundle, records=[run_file])).all("svg", role="img")}
    assert "b0-cm-after" in drawn


@pytest.mark.parametrize("change", [
    {"data": "not base64!"}, {"shape": [3, 3]}, {"dtype": "object"}, {"dtype": "nonsense"}, {"data": ""},
    {"dtype": "bool"},
])
def test_predictions_that_do_not_fit_are_left_out(true_bundle, run_file, tmp_path, change):
    run = json.loads(run_file.read_text())[0]
    run["predictions"][0].update(change)
    (tmp_path / "run.json").write_text(json.dumps(run))
    (subject,) = open_subjects([true_bundle], [tmp_path / "run.json"])
    assert from_record(subject, subject.records[0]) is None


def better(report, size, accuracy, latency):
    deployed = report["stages"]["deployed"]
    deployed.update(tflite_bytes=size, metrics={"accuracy": accuracy}, latency_ms={"p50": latency})


def test_a_comparison_names_the_front(true_bundle, tmp_path):
    figures = {"small": (1000, 0.90, 3.0), "even": (2000, 0.95, 1.0), "worse": (3000, 0.94, 2.0)}
    bundles = []
    for name, (size, accuracy, latency) in figures.items():
        bundles.append(Path(shutil.copytree(true_bundle, tmp_path / name)))
        edit_report(bundles[-1], lambda r, f=(size, accuracy, latency): better(r, *f))
    page = Page(page_of(*bundles))
    captions = [text for _, text in page.all("figcaption")]
    assert "No other bundle beats these in both accuracy and file size: small, even." in captions
    assert "No other bundle beats these in both accuracy and latency, median: even." in captions
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert [text for _, text in page.all("summary") if text in figures] == list(figures)


@pytest.mark.parametrize("other", ["data", "metric", "samples"])
def test_bundles_of_other_data_or_metrics_are_drawn_on_no_common_front(true_bundle, tmp_path, other):
    apart = Path(shutil.copytree(true_bundle, tmp_path / "apart"))
    twin = Path(shutil.copytree(true_bundle, tmp_path / "twin"))
    if other == "metric":
        edit_manifest(apart, lambda m: m.update(metrics=["word_error_rate"]))
        figures = {"metrics": {"word_error_rate": 0.2}}
        edit_report(apart, lambda r: [stage.update(figures) for stage in r["stages"].values()])
    elif other == "data":
        edit_report(apart, lambda r: r["data"].update(name="other"))
    else:
        edit_report(apart, lambda r: r["data"].update(test=41))
    page = Page(page_of(true_bundle, apart, twin))
    assert any("measured on different data" in text for _, text in page.all("p", class_="note"))
    fronts = {text for _, text in page.all("figcaption") if text.startswith("No other bundle beats")}
    assert {text.partition(": ")[2] for text in fronts} == {f"{true_bundle.name}."}
    alike = Page(page_of(true_bundle, twin)).all("p", class_="note")
    assert not any("measured on" in text for _, text in alike)
    ids = [attributes["id"] for _, attributes, _ in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def rgb(colour: str) -> list[int]:
    digits = colour.removeprefix("#")
    digits = digits if len(digits) == 6 else "".join(2 * digit for digit in digits)
    return [int(digits[i : i + 2], 16) for i in (0, 2, 4)]


def luminance(colour: str) -> float:
    parts = [part / 255 for part in rgb(colour)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def blend(colour: str, ground: str, opacity: float) -> str:
    pairs = zip(rgb(colour), rgb(ground), strict=True)
    return "#" + "".join(f"{round(opacity * one + (1 - opacity) * other):02x}" for one, other in pairs)


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_contrast_of_text_and_marks():
    """WCAG 2.2: 4.5 for text, in light, dark and on paper; marks get as much."""
    blocks = re.findall(r":root\{(.*?)\}", CSS, re.DOTALL)
    assert len(blocks) == 3
    for block in blocks:
        colours = dict(re.findall(r"--([a-z-]+):(#[0-9a-f]+)", block))
        pairs = [(ink, ground) for ground in ("paper", "card")
                 for ink in ("ink", "soft", "accent", "base", "pruned", "deployed")]
        for ink, ground in [*pairs, ("warn", "warn-bg")]:
            assert contrast(colours[ink], colours[ground]) >= 4.5, (ink, ground, block)
        for cell, share in itertools.product(("accent", "pruned"), np.linspace(0, 1, 41)):
            ink = colours["card" if share > 0.5 else "ink"]
            assert contrast(ink, blend(colours[cell], colours["card"], shade(share))) >= 4.5, (cell, share)


def test_the_command_line(true_bundle, run_file, tmp_path):
    out = tmp_path / "new" / "page.html"
    done = subprocess.run(
        [sys.executable, "-m", "edgeprune", "report", true_bundle, "--records", run_file, "--out", out,
         "--json"],
        capture_output=True, text=True, check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["bytes"] == out.stat().st_size
    refused = subprocess.run(
        [sys.executable, "-m", "edgeprune", "report", tmp_path, "--out", tmp_path / "no.html"],
        capture_output=True, text=True, check=False,
    )
    assert refused.returncode == 2
    assert not (tmp_path / "no.html").exists()
