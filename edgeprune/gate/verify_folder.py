"""Parts of `verify`: the folder and its manifest."""

import zipfile
from collections.abc import Iterator

from edgeprune.bundle.read import MANIFEST, SIGNATURE
from edgeprune.bundle.seal import KEY, seal_of
from edgeprune.gate.evidence import Evidence
from edgeprune.metrics import METRICS
from edgeprune.tasks import metric_names

_KERAS = "model.keras"
_HDF5 = b"\x89HDF\r\n\x1a\n"


def seal(evidence: Evidence) -> Iterator[str]:
    """Whether the manifest is as it was written."""
    document = evidence.manifest_json
    if not isinstance(document, dict) or not document.get(KEY):
        yield f"{MANIFEST} has no seal"
    elif document[KEY] != seal_of(document):
        yield f"{MANIFEST} was changed after it was written: its seal does not fit"


def files(evidence: Evidence) -> Iterator[str]:
    """Whether the folder holds the manifest's files, unchanged, and nothing else."""
    listed = evidence.bundle.manifest.files  # reading it compares sizes and hashes
    for path in sorted(evidence.folder.iterdir()):
        if path.name not in listed and path.name not in (MANIFEST, SIGNATURE):
            yield f"{path.name!r} is in the folder and not in the manifest"
    if _KERAS in listed:
        path = evidence.bundle.file(_KERAS)
        with path.open("rb") as stream:
            is_hdf5 = stream.read(len(_HDF5)) == _HDF5
        if not is_hdf5 and not zipfile.is_zipfile(path):
            yield f"{_KERAS} is not a Keras file"


def manifest(evidence: Evidence) -> Iterator[str]:
    """Whether the manifest agrees with itself."""
    found = evidence.bundle.manifest
    if found.recipe.get("seed", found.seed) != found.seed:
        yield f"the seed is {found.seed}, and the recipe's is {found.recipe['seed']!r}"
    # A user's own metrics lead; those of the outputs follow.
    unknown = [name for name in found.metrics if name not in METRICS and not found.tasks]
    unlisted = [name for name in metric_names(found.tasks) if name not in found.metrics]
    if unknown or unlisted:
        yield f"the metric {unknown[0]!r} is not known" if unknown else f"it does not list {unlisted[0]!r}"
    if not found.versions:
        yield "no versions are given"
    used, wanted = found.calibration.get("samples"), found.recipe.get("calibration")
    if isinstance(used, int) and isinstance(wanted, int) and not 0 < used <= wanted:
        yield f"{used} calibration samples were used, and the recipe allows {wanted}"
