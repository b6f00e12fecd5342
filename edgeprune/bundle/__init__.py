"""The output folder of a build: written as a whole or not at all, and checked before use.

    model.tflite   the model as deployed
    model.keras    the pruned float model
    manifest.json  `edgeprune.types.Manifest`; names every other file with its size and SHA-256
    report.json    what the build measured
    eval.npz       raw samples `x` (`x_0`, `x_1`, … for several inputs) and `y`; see `eval_data`
    labels.txt     one label a line, where there are labels
    …              what the task needs, such as vocab.txt

    write_bundle(out, manifest, {"model.tflite": bytes_or_path, ...}) -> Bundle
    read_bundle(out) -> Bundle
    pack_eval([x], y) -> bytes for "eval.npz"
    load_eval(bundle.file("eval.npz")) -> EvalData

Light on purpose (numpy and the standard library, Python 3.9 syntax): it travels to the device.
"""

from edgeprune.bundle.eval_data import EvalData, load_eval, pack_eval
from edgeprune.bundle.read import Bundle, read_bundle
from edgeprune.bundle.write import check_out_dir, write_bundle

__all__ = ["Bundle", "EvalData", "check_out_dir", "load_eval", "pack_eval", "read_bundle", "write_bundle"]
