"""Models that stream, built once for the tests of all languages."""

from __future__ import annotations

import pytest

from tests.exports.stream_programs import Answered
from tests.exports.streaming_cases import made_up_case, ran, streaming_cases
from tests.tools import need_package


@pytest.fixture(scope="session")
def answered(tmp_path_factory: pytest.TempPathFactory) -> Answered:
    """Every case and what the Python runtime makes of its turns; `made_up` comes last."""
    need_package("tensorflow", "The models are made with it: pip install -e '.[host]'.")
    folder = tmp_path_factory.mktemp("streams")
    return [(case, ran(case)) for case in (*streaming_cases(folder), made_up_case(folder))]
