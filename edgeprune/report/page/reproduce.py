"""The section that lets somebody do it again."""

from __future__ import annotations

import shlex

from edgeprune.report.page.html import Html, join, table, tag
from edgeprune.report.page.subject import Subject


def reproduce(subject: Subject) -> Html:
    """Commands, versions, hashes and times."""
    manifest, report = subject.bundle.manifest, subject.report
    folder = shlex.quote(str(subject.bundle.path))
    packages = " ".join(
        shlex.quote(f"{name}=={version}") for name, version in manifest.versions.items()
    )
    commands = [f"pip install {packages}"] if packages else []
    commands += [*manifest.commands, f"edgeprune check {folder} --verify"]
    files = [(name, f"{info.bytes:,}", tag("code", info.sha256)) for name, info in manifest.files.items()]
    times = [(name, f"{seconds:.1f} s") for name, seconds in report.timings_s.items()]
    data = report.data
    counts = ", ".join(
        f"{number:,} {name}" for name, number in
        (("training", data.train), ("validation", data.validation), ("test", data.test)) if number is not None
    )
    facts = [
        ("data", data.name), ("source", data.source), ("licence", data.licence), ("samples", counts),
        ("seed", str(manifest.seed)), ("calibration SHA-256", str(manifest.calibration.get("sha256", ""))),
    ]
    return join((
        tag("pre", tag("code", "\n".join(commands)), tabindex=0, role="region", aria_label="Commands"),
        table("What the build started from", ("what", "value"), [f for f in facts if f[1]], numbers_from=9),
        table("Files of the bundle", ("file", "bytes", "SHA-256"), files) if files else None,
        table("Time of each stage", ("stage", "time"), times) if times else None,
    ))
