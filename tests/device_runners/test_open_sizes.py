"""A file that leaves sizes open is measured at the sizes that are given, or not at all."""

from __future__ import annotations

import json
from pathlib import Path

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema
from typer.testing import CliRunner

from device_runners.options import parse_shape
from edgeprune.cli import app
from edgeprune.errors import EdgepruneError, InputError
from edgeprune.run_parts import InputShape


def _file(folder: Path, *signatures: tuple[int, ...]) -> Path:
    """One ABS for each input, of shapes in which -1 is open; the file holds 1 there, as converters write."""
    graph = schema.SubGraphT()
    graph.tensors, graph.operators = [], []
    for number, signature in enumerate(signatures):
        for name in (f"serving_default_x{number}:0", f"y{number}"):
            tensor = schema.TensorT()
            tensor.name, tensor.type, tensor.buffer = name.encode(), schema.TensorType.FLOAT32, 0
            tensor.shape = np.maximum(np.array(signature, np.int32), 1)
            tensor.shapeSignature = np.array(signature, np.int32)
            graph.tensors.append(tensor)
        operator = schema.OperatorT()
        operator.opcodeIndex = 0
        operator.inputs, operator.outputs = (np.array([2 * number + end], np.int32) for end in (0, 1))
        operator.builtinOptionsType = schema.BuiltinOptions.AbsOptions
        operator.builtinOptions = schema.AbsOptionsT()
        graph.operators.append(operator)
    graph.inputs = np.arange(0, 2 * len(signatures), 2, dtype=np.int32)
    graph.outputs = graph.inputs + 1
    code, tree = schema.OperatorCodeT(), schema.ModelT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.ABS
    code.version = 1
    tree.version, tree.operatorCodes, tree.subgraphs, tree.buffers = 3, [code], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(1024)
    builder.Finish(tree.Pack(builder), b"TFL3")
    path = folder / "open.tflite"
    path.write_bytes(bytes(builder.Output()))
    return path


def _bench(path: Path, *options: str) -> tuple[int, str]:
    quick = ("--runs", "1", "--warmup", "0", "--min-time", "0.01")
    result = CliRunner().invoke(app, ["bench", str(path), *quick, *options])
    code = result.exception.exit_code if isinstance(result.exception, EdgepruneError) else result.exit_code
    return code, " ".join((result.output + str(result.exception or "")).split())


@pytest.mark.parametrize(
    ("signatures", "named"),
    [
        ([(-1, -1, -1, 3)], "Input 'x0' leaves sizes open: ?,?,?,3"),
        ([(1, 8), (1, -1)], "Input 'x1' leaves sizes open: 1,?"),
    ],
)
def test_open_sizes_are_refused_with_the_way_out(
    signatures: list[tuple[int, ...]], named: str, tmp_path: Path
) -> None:
    code, text = _bench(_file(tmp_path, *signatures))
    assert code == 2, text
    assert named in text
    assert "--shape x" in text


def test_the_given_sizes_run_and_are_told(tmp_path: Path) -> None:
    path = _file(tmp_path, (-1, -1, -1, 3), (1, 4))
    code, text = _bench(path, "--shape", "x0=2,9,7,3", "--json")
    assert code == 0, text
    record = json.loads(text)[0]
    assert [one["shape"] for one in record["inputs"]] == [[2, 9, 7, 3], [1, 4]]
    code, text = _bench(path, "--shape", "x0=2,9,7,3")
    assert "ran with batch 2: x0 2x9x7x3; x1 1x4" in text, text


def test_an_open_batch_is_one(tmp_path: Path) -> None:
    code, text = _bench(_file(tmp_path, (-1, 5)), "--json")
    assert code == 0, text
    assert json.loads(text)[0]["inputs"] == [{"name": "x0", "shape": [1, 5]}]


@pytest.mark.parametrize(
    ("shape", "said"),
    [
        ("x0=1,2", "The file takes ?,?,?,3"), ("x0=1,2,2,4", "The file takes ?,?,?,3"),
        ("z=1,2,2,3", "no such input"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(shape: str, said: str, tmp_path: Path) -> None:
    code, text = _bench(_file(tmp_path, (-1, -1, -1, 3)), "--shape", shape)
    assert code == 2, text
    assert said in text


def test_shapes_are_parsed_or_refused() -> None:
    assert parse_shape("1,224,224,3") == InputShape("", (1, 224, 224, 3))
    assert parse_shape("a=b=1x8") == InputShape("a=b", (1, 8))
    for text in ("", "x", "x=", "x=1,-1", "x=1,0", "x=1.5", "x=1,99999999999"):
        with pytest.raises(InputError, match="is not a shape"):
            parse_shape(text)
