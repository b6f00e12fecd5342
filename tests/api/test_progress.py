import io

from edgeprune.api.progress import _lines, redraws


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


def test_a_stage_of_hours_is_no_log_of_thousands_of_lines():
    stream, now = io.StringIO(), [0.0]
    tell = _lines(stream, lambda: now[0])
    for step in range(100_000):
        tell("fine_tune", step / 100_000)
        now[0] += 0.1
    assert 40 < len(stream.getvalue().splitlines()) <= 101


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_are_drawn_again_in_terminals_alone(monkeypatch):
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert redraws(Terminal())
    assert not redraws(io.StringIO())
    monkeypatch.setenv("JPY_PARENT_PID", "1")  # what a notebook's "!" starts believes in a terminal
    assert not redraws(Terminal())
    monkeypatch.delenv("JPY_PARENT_PID")
    monkeypatch.setenv("TERM", "dumb")
    assert not redraws(Terminal())
