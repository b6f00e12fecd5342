import io

from edgeprune.api.progress import _bars, _lines, redraws
from edgeprune.progress import at


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
    assert stream.getvalue() == "prune and refit …\n"


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


def test_each_thing_that_a_stage_does_in_turn_is_a_line_of_a_log():
    stream = io.StringIO()
    tell = _lines(stream, lambda: 0.0)
    tell("convert", 0.0)
    for number, name in enumerate(("int8", "3 of 12 operators in float"), start=1):
        tell(at("convert", name, number, 2), 0.35 * number)
    tell("convert", 1.0)
    assert stream.getvalue().splitlines() == [
        "quantize and verify …", "quantize and verify: int8 (1 of 2)",
        "quantize and verify: 3 of 12 operators in float (2 of 2)",
    ]


def test_the_bar_of_a_stage_names_what_it_is_at():
    stream = io.StringIO()
    with _bars(stream) as tell:
        tell("convert", 0.0)
        tell(at("convert", "[red]int8", 1, 2), 0.0)
    shown = stream.getvalue()
    assert "quantize and verify" in shown
    assert "[red]int8 (1 of 2)" in shown
    assert "convert" not in shown
