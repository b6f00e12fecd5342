from __future__ import annotations

import json
import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from edgeprune.bundle import load_eval, pack_eval
from edgeprune.bundle.seal import seal_of
from edgeprune.errors import InputError
from edgeprune.gate import Status, check, verify
from edgeprune.gate.verify_model import accuracy
from tests.gate.edit import edit_json, edit_manifest, edit_report, rehash


def refusals(folder: Path) -> dict[str, str]:
    return {one.part: one.detail for one in verify(folder) if one.status is Status.BROKEN}


def test_a_true_bundle_passes_every_part(true_bundle: Path) -> None:
    found = {one.part: one.status for one in verify(true_bundle)}
    assert set(found.values()) == {Status.HELD}, found
    assert check(true_bundle, verify=True).passed


def flip_a_byte(folder: Path) -> None:
    content = bytearray((folder / "model.tflite").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.tflite").write_bytes(content)


def empty_half_the_model(folder: Path) -> None:
    """The size stays, so that only the runtime notices."""
    content = (folder / "model.tflite").read_bytes()
    half = len(content) // 2
    (folder / "model.tflite").write_bytes(content[:half] + bytes(len(content) - half))
    rehash(folder)


def zero_the_weights(folder: Path) -> None:
    """Same size, same tensors, same operators: only running it tells."""
    from edgeprune.conversion import flatfile

    content = (folder / "model.tflite").read_bytes()
    tree = flatfile.parse(content)
    largest = max((bytes(b.data) for b in tree.buffers if b.data is not None), key=len)
    assert content.count(largest) == 1
    (folder / "model.tflite").write_bytes(content.replace(largest, bytes(len(largest))))
    rehash(folder)


def other_samples(folder: Path) -> None:
    data = load_eval(folder / "eval.npz")
    (folder / "eval.npz").write_bytes(pack_eval(list(data.inputs), np.roll(data.y, 5)))
    rehash(folder)


def fewer_samples(folder: Path) -> None:
    data = load_eval(folder / "eval.npz")
    (folder / "eval.npz").write_bytes(pack_eval([data.inputs[0][:10]], data.y[:10]))
    rehash(folder)


def link_outside(folder: Path) -> None:
    (folder / "labels.txt").rename(folder.parent / "labels.txt")
    (folder / "labels.txt").symlink_to(folder.parent / "labels.txt")


def duplicate_key(folder: Path) -> None:
    text = (folder / "report.json").read_text()
    (folder / "report.json").write_text(text.replace('"model":', '"model": "better", "model":', 1))
    rehash(folder)


def not_a_number(folder: Path) -> None:
    text = (folder / "report.json").read_text()
    (folder / "report.json").write_text(text.replace('"max_abs_error": 1e-07', '"max_abs_error": NaN'))
    rehash(folder)


def rescale(manifest: dict) -> None:
    manifest["preprocessing"][0]["scale"] /= 40


def stages(document: dict, key: str, value: object, *names: str) -> None:
    for name in names:
        document["stages"][name][key] = value


# What was done to the bundle, and the part that must say so.
EDITS = {
    "a flipped bit": (flip_a_byte, "files"),
    "half a model, hashed again": (empty_half_the_model, "model runs"),
    "weights of zero, hashed again": (zero_the_weights, "accuracy measured again"),
    "other labels of the samples": (other_samples, "accuracy measured again"),
    "fewer samples": (fewer_samples, "report and samples"),
    "a file too many": (lambda folder: (folder / "notes.txt").write_text("hi"), "files"),
    "a file too few": (lambda folder: (folder / "labels.txt").unlink(), "files"),
    "a link out of the folder": (link_outside, "files"),
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), "seal"),
    "a cut manifest": (lambda folder: (folder / "manifest.json").write_text('{"task": '), "seal"),
    "the manifest by hand": (
        lambda folder: edit_json(folder / "manifest.json", lambda m: m["versions"].update(numpy="9")), "seal"
    ),
    "no seal": (lambda folder: edit_json(folder / "manifest.json", lambda m: m.pop("seal")), "seal"),
    "another format version": (
        lambda folder: edit_manifest(folder, lambda m: m.update(format_version=99)), "files"
    ),
    "another seed": (lambda folder: edit_manifest(folder, lambda m: m.update(seed=8)), "manifest"),
    "another recipe": (
        lambda folder: edit_manifest(folder, lambda m: m["recipe"].update(prune=0.9)), "report and manifest"
    ),
    "another input scale": (
        lambda folder: edit_manifest(folder, lambda m: m["inputs"][0].update(scale=1.0)), "model's tensors"
    ),
    "other preprocessing": (lambda folder: edit_manifest(folder, rescale), "accuracy measured again"),
    "an unknown metric": (
        lambda folder: edit_manifest(folder, lambda m: m.update(metrics=["beauty"])), "manifest"
    ),
    "the report by hand": (
        lambda folder: edit_json(folder / "report.json", lambda r: r.pop("notes")), "files"
    ),
    "a smaller file in the report": (
        lambda folder: edit_report(folder, lambda r: stages(r, "tflite_bytes", 100, "deployed")), "report"
    ),
    "a better accuracy": (
        lambda folder: edit_report(
            folder, lambda r: stages(r, "metrics", {"accuracy": 1.0}, "pruned", "deployed")
        ),
        "test split's accuracy",
    ),
    "an impossible accuracy": (
        lambda folder: edit_report(folder, lambda r: stages(r, "metrics", {"accuracy": 0.913}, "baseline")),
        "report and samples",
    ),
    "more removed": (
        lambda folder: edit_report(folder, lambda r: r["removed"].update(macs=0.9)), "report's sums"
    ),
    "fewer parameters": (
        lambda folder: edit_report(folder, lambda r: stages(r, "params", 10, "deployed")), "report's sums"
    ),
    "another width": (
        lambda folder: edit_report(folder, lambda r: r["groups"][0].update(units_after=4)), "report's sums"
    ),
    "a cheaper layer": (
        lambda folder: edit_report(folder, lambda r: r["layers"][0].update(macs_after=1)), "report's sums"
    ),
    "a p90 below p50": (
        lambda folder: edit_report(
            folder, lambda r: r["stages"]["deployed"]["latency_ms"].update(p50=0.04)
        ),
        "report",
    ),
    "an error above its tolerance": (
        lambda folder: edit_report(folder, lambda r: r["equivalence"].update(max_abs_error=1.0)),
        "report's ranges",
    ),
    "other operators": (
        lambda folder: edit_report(folder, lambda r: r["quantization"]["operators"].update(CONV_2D=9)),
        "model's operators",
    ),
    "a key twice": (duplicate_key, "report"),
    "a number that is none": (not_a_number, "report"),
    "text for a number": (
        lambda folder: edit_report(folder, lambda r: stages(r, "macs", "few", "deployed")), "report"
    ),
    "a label too few": (
        lambda folder: ((folder / "labels.txt").write_text("a\nb\n"), rehash(folder)), "samples and labels"
    ),
    "a Keras file that is none": (
        lambda folder: ((folder / "model.keras").write_text("x"), rehash(folder)), "files"
    ),
}


@pytest.mark.parametrize("edit", EDITS)
def test_an_edited_bundle_is_refused_by_the_part_it_offends(edit: str, bundle: Path) -> None:
    do, part = EDITS[edit]
    do(bundle)
    result = check(bundle, verify=True)
    found = [one.part for one in result.verification if one.status is Status.BROKEN]
    assert part in found, result.verification
    assert result.error().exit_code == 1  # type: ignore[union-attr]


def test_every_part_is_proven_to_refuse() -> None:
    from edgeprune.gate.verification import PARTS

    assert {part for _, part in EDITS.values()} == {name for name, _ in PARTS}


def test_an_error_is_told_once(bundle: Path) -> None:
    flip_a_byte(bundle)
    assert list(refusals(bundle)) == ["files"]


def test_what_cannot_be_compared_is_said(bundle: Path) -> None:
    edit_report(bundle, lambda r: r["stages"]["deployed"].pop("on_eval"))
    (finding,) = (one for one in verify(bundle) if one.status is not Status.HELD)
    assert finding.status is Status.UNMEASURED
    assert "does not say what eval.npz gave" in finding.detail


@pytest.mark.parametrize(("name", "said", "again", "holds"), [
    ("mean_absolute_error", 12_345.678, 12_346.2, True), ("mean_absolute_error", 12_345.678, 12_700.0, False),
    ("mean_absolute_error", 0.002, 0.00201, True), ("mean_absolute_error", 0.002, 0.0023, False),
    ("accuracy", 0.9, 0.905, True), ("accuracy", 0.9, 0.93, False),
    ("box/root_mean_squared_error", 80.0, 80.3, True), ("box/root_mean_squared_error", 80.0, 90.0, False),
])
def test_what_float_kernels_may_change_is_a_part_of_an_error_in_any_unit(name, said, again, holds) -> None:
    deployed = SimpleNamespace(on_eval=SimpleNamespace(samples=200, metrics={name: said}))
    report = SimpleNamespace(
        stages=SimpleNamespace(deployed=deployed), quantization=SimpleNamespace(mode="none")
    )
    record = SimpleNamespace(metrics={name: again})
    found = list(accuracy(SimpleNamespace(report=report, record=record, samples=range(200))))
    assert (not found) == holds, found


def test_limits_of_a_refused_bundle_are_not_judged(bundle: Path) -> None:
    from edgeprune.gate import Limits

    flip_a_byte(bundle)
    result = check(bundle, Limits.parse(max_size="1MB"), verify=True)
    assert result.judgements == ()
    assert "SHA-256" in str(result.error())


def test_no_folder_is_wrong_usage(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a folder"):
        verify(tmp_path / "nothing")


def test_a_seal_does_not_depend_on_how_json_is_laid_out(true_bundle: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(true_bundle, tmp_path / "copy"))
    document = json.loads((folder / "manifest.json").read_text())
    backwards = dict(reversed(document.items()))
    assert seal_of(backwards) == document["seal"]
    assert seal_of({**document, "seed": 8}) != document["seal"]
    # Floats keep their digits on the way through a file.
    again = json.loads(json.dumps(document))
    assert seal_of(again) == document["seal"]
