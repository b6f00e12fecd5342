"""`check --verify`: is the bundle what it claims to be?

`PARTS` lists the parts, from the outside in. Each reads the bundle and yields what is wrong, even where
others have failed. The model of a bundle that has already been refused is not run.

This finds damage and edits, also edits of several files that were given new hashes. It is not a signature:
whoever rebuilds every figure consistently has made a valid bundle.
"""

import importlib.util
from collections.abc import Callable, Iterator
from pathlib import Path

from device_runners.agent.runtime import RUNTIMES
from edgeprune.errors import EdgepruneError, InputError
from edgeprune.gate import verify_folder, verify_model, verify_report
from edgeprune.gate.evidence import Evidence, NothingToCheckByError
from edgeprune.gate.result import Status, VerifiedPart

Part = Callable[[Evidence], Iterator[str]]

PARTS: tuple[tuple[str, Part], ...] = (
    ("seal", verify_folder.seal),
    ("files", verify_folder.files),
    ("manifest", verify_folder.manifest),
    ("report", verify_report.report),
    ("report's sums", verify_report.sums),
    ("report's ranges", verify_report.ranges),
    ("report and manifest", verify_report.against_manifest),
    ("report and samples", verify_report.against_samples),
    ("model runs", verify_model.runs),
    ("model's tensors", verify_model.tensors),
    ("model's operators", verify_model.operators),
    ("samples and labels", verify_model.samples_and_labels),
    ("accuracy measured again", verify_model.accuracy),
    ("test split's accuracy", verify_model.test_accuracy),
)


def verify(folder: Path | str) -> tuple[VerifiedPart, ...]:
    """Check everything about a bundle that can be checked without building it again.

    Raises:
        InputError: the folder does not exist, or no TFLite runtime is installed to run the model.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"{folder} is not a folder.", "A bundle was expected.", "See `edgeprune build`.")
    if not any(importlib.util.find_spec(module.partition(".")[0]) for _, module in RUNTIMES):
        found = "--verify runs the model, and no TFLite runtime is installed."
        raise InputError(found, way_out="Install one with: pip install ai-edge-litert")
    evidence = Evidence(folder)
    reported: list[EdgepruneError] = []
    findings = []
    for name, part in PARTS:
        findings.append(_finding(name, part, evidence, reported))
        evidence.refused = evidence.refused or findings[-1].status is Status.BROKEN
    return tuple(findings)


def _finding(name: str, part: Part, evidence: Evidence, reported: list[EdgepruneError]) -> VerifiedPart:
    """What one part found; an error that an earlier part has `reported` is not repeated."""
    try:
        problems = list(part(evidence))
    except NothingToCheckByError as reason:
        return VerifiedPart(name, Status.UNMEASURED, str(reason))
    except EdgepruneError as error:
        if any(error is other for other in reported):
            return VerifiedPart(name, Status.UNMEASURED, "was not looked at, since the above is broken")
        reported.append(error)
        problems = [f"{error.found} {error.expected}".strip()]  # the summary has its own way out
    if not problems:
        return VerifiedPart(name, Status.HELD)
    return VerifiedPart(name, Status.BROKEN, "; ".join(problem.rstrip(".") for problem in problems) + ".")
