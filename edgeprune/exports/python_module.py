"""`--python`: a project that becomes a wheel for a Pi; all preprocessing runs in it.

pyproject.toml
MODULE/__init__.py, model.py      typed class on ai-edge-litert or tflite-runtime
MODULE/streaming.py               the same step by step, where the bundle has a streaming.tflite
MODULE/data/                      model.tflite, model.json, vocab.txt
MODULE/edgeprune/                 edgeprune's own light preprocessing, copied: the very code that the
model was trained and measured with
"""

import dataclasses
import importlib.resources
import math
import re
import sys

from edgeprune import jsonable
from edgeprune.bundle.read import MODEL, STREAMING
from edgeprune.errors import InputError
from edgeprune.exports import literals, python_code
from edgeprune.exports.literals import render
from edgeprune.exports.plan import ModelPlan, raw_samples
from edgeprune.exports.python_stream import stream_module
from edgeprune.exports.steps import Letterbox, read_step
from edgeprune.exports.words import described_output, shaped, streaming_section
from edgeprune.preprocessing import STEPS

PACKAGES = sys.stdlib_module_names | {
    "ai_edge_litert", "edgeprune", "keras", "numpy", "pip", "setuptools", "tensorflow", "tflite_runtime"
}
"""Packages that the exported one would stand in front of, or behind."""
_DECODING = ("metrics/overlap.py", "tasks/detection.py")
"""What makes boxes of a detector's raw heads."""


def python_files(plan: ModelPlan) -> dict[str, bytes]:
    """The project's files by path; `InputError` for preprocessing that this edgeprune does not know."""
    manifest, module = plan.bundle.manifest, plan.module
    for step in manifest.preprocessing:
        if step.get("op") not in STEPS:
            raise InputError(
                f"The bundle's preprocessing step {str(step.get('op'))[:60]!r} is not known.",
                f"Expected one of {', '.join(sorted(STEPS))}.", "Update edgeprune.",
            )
    version, distribution = f"1.0.0+{manifest.files[MODEL].sha256[:8]}", module.replace("_", "-")
    files = {
        "pyproject.toml": render(
            "python/pyproject.toml", module=module, distribution=distribution, version=version,
            task=plan.task, more="".join(f', "{module}.edgeprune.{name}"' for name in _packages(plan)),
        ),
        "README.md": render(
            "python/README.md", module=module, distribution=distribution, arguments=plan.arguments,
            inputs=_doc(plan, ""), stream=_streamed(plan), shown=_shown(plan),
        ),
        f"{module}/__init__.py": _init(plan),
        f"{module}/model.py": _model(plan),
        f"{module}/py.typed": b"",
        f"{module}/data/{MODEL}": plan.bundle.model.read_bytes(),
        f"{module}/data/model.json": _about(plan),
        f"{module}/edgeprune/__init__.py": b'"""What edgeprune prepares samples with, copied."""\n',
    }
    if plan.stream is not None:
        files[f"{module}/data/{STREAMING}"] = plan.bundle.file(STREAMING).read_bytes()
        files[f"{module}/streaming.py"] = stream_module(plan, plan.stream)
    for name in _vocabularies(plan):
        files[f"{module}/data/{name}"] = plan.bundle.file(name).read_bytes()
    for name in _packages(plan):
        files[f"{module}/edgeprune/{name}/__init__.py"] = b'"""Copied in part."""\n'
    for name in (*_light_modules(), *(_DECODING if plan.heads is not None else ())):
        files[f"{module}/edgeprune/{name}"] = _vendored(name, module)
    return files


def _about(plan: ModelPlan) -> bytes:
    samples, manifest = raw_samples(plan.bundle), plan.bundle.manifest
    inputs = [
        {**jsonable.encode(tensor), "raw": None if samples is None else samples[index].dtype.name}
        for index, tensor in enumerate(manifest.inputs)
    ]
    about = {
        "labels": plan.labels, "preprocessing": manifest.preprocessing, "inputs": inputs,
        "outputs": manifest.outputs, "streaming": _streaming(plan),
    }
    try:
        return (jsonable.dumps(about, indent=1) + "\n").encode()
    except ValueError as error:
        raise InputError(f"The bundle's manifest cannot be exported ({error}).") from error


def _streaming(plan: ModelPlan) -> object:
    info, stream = plan.bundle.manifest.one_step, plan.stream
    if info is None or stream is None:
        return None
    return dataclasses.replace(info, preprocessing=stream.feeding.preprocessing if stream.feeding else ())


def _vocabularies(plan: ModelPlan) -> list[str]:
    steps = plan.bundle.manifest.preprocessing
    named = {str(step.get("vocabulary", "vocab.txt")) for step in steps if step.get("op") == "tokenize"}
    for name in sorted(named):
        plan.bundle.file(name)
    return sorted(named)


def _packages(plan: ModelPlan) -> tuple[str, ...]:
    """Of copied modules, beside preprocessing."""
    return ("metrics", "tasks") if plan.heads is not None else ()


def _light_modules() -> list[str]:
    folder = importlib.resources.files("edgeprune") / "preprocessing"
    steps = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".py"))
    return ["errors.py", *(f"preprocessing/{name}" for name in steps)]


def _vendored(name: str, module: str) -> bytes:
    source = (importlib.resources.files("edgeprune") / name).read_text(encoding="utf-8")
    moved = re.sub(r"(?m)^(\s*(?:from|import)) edgeprune\b", rf"\1 {module}.edgeprune", source)
    return f"# Copied from edgeprune (Apache-2.0) by `edgeprune export --python`.\n{moved}".encode()


def _init(plan: ModelPlan) -> bytes:
    named = (
        ("Prediction", plan.predicts), ("Detection", plan.heads is not None),
        ("PictureArea", _barred(plan) is not None), ("picture_area", _barred(plan) is not None),
    )
    more = [name for name, there in named if there]
    return render(
        "python/init.py", module=plan.module, task=plan.task, arguments=plan.arguments, doc=_doc(plan, ""),
        prediction="".join(f", {name}" for name in more),
        exported="".join(f', "{name}"' for name in more),
    )


def _model(plan: ModelPlan) -> bytes:
    barred, package = _barred(plan), f"{plan.module}.edgeprune"
    ranked = python_code.ranked(plan.ranked)
    detected = python_code.detections(plan.heads, barred=barred is not None)
    classes = (
        python_code.PREDICTION if plan.predicts else "", python_code.DETECTION if plan.heads else "",
        python_code.picture_area(None if barred is None else barred[1]),
    )
    imports = (
        f"from {package}.preprocessing.image import picture_area as _area\n" if barred else "",
        f"from {package}.tasks.detection import detections\n" if plan.heads else "",
    )
    return render(
        "python/model.py", module=plan.module, ranked=ranked + detected,
        classes="".join(classes), imports="".join(imports),
        outputs=python_code.fields(plan.outputs), doc=_doc(plan, "    "),
        parameters=", ".join(
            f"{one.name}: {'str' if _is_text(plan, index) else 'np.ndarray'}"
            for index, one in enumerate(plan.inputs)
        ),
        tuple="".join(f"{one.name}, " for one in plan.inputs).strip(),
    )


def _is_text(plan: ModelPlan, index: int) -> bool:
    steps = plan.bundle.manifest.preprocessing
    return next((step["op"] == "tokenize" for step in steps if step.get("input", index) == index), False)


def _doc(plan: ModelPlan, indent: str) -> str:
    samples = raw_samples(plan.bundle)
    lines = []
    for index, one in enumerate(plan.inputs):
        if _is_text(plan, index):
            lines.append(f"{one.name}: one text.")
        else:
            shape = one.tensor.shape[1:] if samples is None else samples[index].shape[1:]
            kind = "numbers" if samples is None else f"{samples[index].dtype.name} values"
            lines.append(f"{one.name}: one raw sample, {math.prod(shape)} {kind}{shaped(shape)}.")
    lines += map(described_output, plan.outputs)
    steps = literals.comment(", ".join(str(step["op"]) for step in plan.bundle.manifest.preprocessing))
    lines += [f"Done here: {steps}."] if steps else []
    return "\n".join(f"{indent}- {line}" for line in lines)


def _barred(plan: ModelPlan) -> tuple[str, tuple[int, int]] | None:
    """The input whose pictures keep their aspect ratio, and its height and width."""
    for index, one in enumerate(plan.inputs):
        for step in plan.bundle.manifest.preprocessing:
            if step["op"] == "letterbox" and step.get("input", index) == index:
                read = read_step(step, None)
                if isinstance(read, Letterbox):
                    return one.name, (read.height, read.width)
    return None


def _streamed(plan: ModelPlan) -> str:
    """What the README tells of the stream."""
    if plan.stream is None:
        return ""
    shown = "ranked()[0].label" if plan.stream.ranked is not None else plan.stream.outputs[0].name
    loop = f"for output in stream.feed(samples):\n    print(output.{shown})"
    if plan.stream.feeding is None:
        loop = f"print(stream.step(values).{shown})"
    code = f"from {plan.module}.streaming import Stream\n\nstream = Stream()\n{loop}"
    return "\n" + streaming_section(plan.stream, "python", code).rstrip() + "\n"


def _shown(plan: ModelPlan) -> str:
    """What the README prints of an output."""
    shown = plan.outputs[0].name if plan.ranked is None else "ranked()[0].label"
    if plan.heads is None:
        return shown
    barred = _barred(plan)
    return f"detections({'' if barred is None else f'*{barred[0]}.shape[:2]'})"
