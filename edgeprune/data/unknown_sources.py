"""What is said of data that no reader takes: what it is, what is read, and how such data becomes that."""

from __future__ import annotations

import collections
import os
from collections.abc import Mapping
from pathlib import Path

from edgeprune.errors import InputError, shown

_COUNTED = 1000  # files of an unknown folder
_READ = (
    "edgeprune reads folders (pictures or recordings by class, pictures with masks or boxes, texts), tables "
    "(.csv, .tsv, .json, .jsonl, .parquet), arrays (.npz, .npy), tfds:NAME, keras:NAME and "
    "package.module:function."
)
_BY_FUNCTION = "Write a function that returns its samples and labels: --data package.module:function."
_AS_CSV = "Save it as .csv, with one line a sample."
_UNPACK = "Unpack it, and pass the folder."
_AS_NPZ = "Save its arrays with numpy.savez('data.npz', x=samples, y=labels)."
_WAYS_OUT: Mapping[str, str] = {
    **dict.fromkeys((".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".7z", ".rar"), _UNPACK),
    **dict.fromkeys((".xlsx", ".xls", ".ods"), _AS_CSV),
    **dict.fromkeys((".h5", ".hdf5", ".mat", ".pkl", ".pickle", ".pt", ".joblib"), _AS_NPZ),
    **dict.fromkeys((".feather", ".arrow"), "Save it as .parquet."),
    **dict.fromkeys((".tfrecord", ".tfrecords", ".lmdb", ".db", ".sqlite"), _BY_FUNCTION),
    **dict.fromkeys((".mp4", ".avi", ".mov"), "Save its frames as pictures, in a folder for each class."),
    **dict.fromkeys((".data", ".dat", ".tab"), "If it is a table, rename it so that it ends in .csv."),
    ".txt": "Write it as .csv with the columns text,label, or as one file of texts for each class.",
}


def unknown_source(name: str) -> InputError:
    """The error for a source that no reader takes."""
    path = Path(name)
    if not path.exists():
        return InputError(f"There is no data {shown(name)}.", _READ, "Check the name.")
    if path.is_dir():
        contents, endings = _contents(path)
        main = endings.most_common(1)[0][0] if endings else ""
    else:
        contents, main = f"is a file that ends in {shown(path.suffix) or 'nothing'}", path.suffix.lower()
    if path.is_dir() and main == ".gz":
        way_out = _AS_NPZ
    else:
        way_out = _WAYS_OUT.get(main, "Convert it, or check the name.")
    return InputError(f"{shown(name)} {contents}.", _READ, way_out)


def _contents(path: Path) -> tuple[str, collections.Counter[str]]:
    """What a folder holds, for a message, and how many files have each ending."""
    endings, below = collections.Counter[str](), 0
    for _, subfolders, names in os.walk(path):
        below += len(subfolders)
        endings.update(Path(one).suffix.lower() or "other" for one in names)
        if endings.total() > _COUNTED:
            break
    listed = ", ".join(f"{count} {shown(ending)}" for ending, count in endings.most_common(3))
    return f"holds {listed or 'no'} files" + (f" in {below} folders" if below else ""), endings
