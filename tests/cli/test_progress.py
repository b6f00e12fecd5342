import io

from edgeprune.cli.progress import _lines


def test_a_long_stage_is_never_silent_for_long_in_a_log():
    stream, now = io.StringIO(), [0.0]
    tell = _lines(stream, lambda: now[0])
    for step in range(101):
        tell("read", step / 100)
        now[0] += 0.125
    tell("read", 1.0)
    lines = stream.getvalue().splitlines()
    assert lines == ["read the data …", *(f"read the data {16 * turn} %" for turn in range(1, 7))]


def test_a_short_stage_is_one_line():
    stream = io.StringIO()
    tell = _lines(stream, lambda: 0.0)
    for done in (0.0, 0.5, 1.0):
        tell("prune", done)
    assert stream.getvalue() == "prune, strip, repair …\n"
