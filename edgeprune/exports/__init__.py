"""Bundles into apps: code, build files and CI templates; `edgeprune export`.

    kinds.py       the table of kinds, and `export`
    folder.py      written whole or not at all, never over somebody's own files
    plan.py        what is generated, the same for every language; checks the manifest
    steps.py       preprocessing steps that are generated      inputs.py, outputs.py   one tensor
    streams.py     a class that takes one step a call, where the bundle has streaming.tflite
    names.py       safe identifiers        literals.py   safe literals        words.py   doc comments
    android.py …   one generator per kind of export; templates/ has their text
    android_stream.py …   the same for streams
    kotlin_code.py …      one input or output in a language

A bundle may come from anywhere: its names, labels and numbers reach generated code through `names` and
`literals` alone. Light: numpy and the standard library.
"""

from edgeprune.exports.kinds import ExportResult, export

__all__ = ["ExportResult", "export"]
