"""The same from Python as from the command line."""

from __future__ import annotations

import pytest

import edgeprune
from edgeprune.errors import VerificationError


def test_check_and_report_are_part_of_the_package(true_bundle, tmp_path):
    result = edgeprune.check(true_bundle, edgeprune.Limits.parse(max_size="1MB", min_accuracy=0.1))
    assert result.passed
    with pytest.raises(VerificationError, match="max-size"):
        edgeprune.check(true_bundle, edgeprune.Limits.parse(max_size="1kB")).require()
    written = edgeprune.write_report([true_bundle], tmp_path / "page.html")
    assert written.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
