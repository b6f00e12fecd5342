"""The manifest's own SHA-256: hashes in it protect the files, the seal protects the hashes.

    seal = sha256(manifest as JSON, keys sorted, no spaces, without "seal")

It shows an edit by hand or by accident. Somebody who forges a bundle can seal it too: only a signature on the
folder prevents that, which is the app build's business.
"""

import dataclasses
import hashlib
import json
from collections.abc import Mapping

from edgeprune import jsonable
from edgeprune.types import Manifest

KEY = "seal"


def sealed(manifest: Manifest) -> Manifest:
    """The manifest with its seal."""
    return dataclasses.replace(manifest, seal=seal_of(jsonable.encode(manifest)))


def seal_of(document: Mapping[str, object]) -> str:
    """Seal of a manifest as JSON values; a seal in it does not count."""
    content = {key: value for key, value in document.items() if key != KEY}
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()
