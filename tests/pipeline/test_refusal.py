"""A build that is refused tells all that was tried."""

from edgeprune.conversion.options import Attempt
from edgeprune.pipeline.deploy import _tried


def test_each_attempt_is_told_with_its_loss_or_why_it_made_no_file():
    told = _tried((
        Attempt("int8", "tensorflow", 100, 2.0, 38.125, "boxes/r2"),
        Attempt("equalized ranges", detail="There are no scales to move. It has none.", verdict="refused"),
    ))
    assert told == (
        " Tried on validation data: int8: 38.12 points of boxes/r2 lost;"
        " equalized ranges: no file (There are no scales to move)."
    )
