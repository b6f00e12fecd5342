"""Messages at the widths that terminals have: nothing that a person copies is broken."""

import pytest

from edgeprune.cli.line_breaks import wrapped

COPIED = (
    "edgeprune build mine.keras --data my/pictures --prune 0.5 --task speech --out build/mine",
    "edgeprune check BUNDLE --max-size 200kB", "edgeprune bench build/mine --device ssh://pi@pi.local:22",
    "pip install -e '.[host,test] @ git+https://example.org/x'", "`edgeprune report build/a build/b`",
    "--max-drop 0.5", "/home/me/a-folder-with-hyphens/and_more/model.keras", "'my pictures/of cats/a.png'",
)
PROSE = "The folder holds no picture that can be read and a sentence goes on for some words more"


@pytest.mark.parametrize("width", [40, 80, 120])
@pytest.mark.parametrize("copied", COPIED)
def test_what_is_copied_stays_in_one_line(copied, width):
    for cut in range(3, len(PROSE), 3):
        text = f"{PROSE[:cut].rstrip()} {copied}, then {PROSE}."
        lines = wrapped(text, width).splitlines()
        assert any(copied in line for line in lines)
        assert " ".join(lines) == text
        assert all(len(line) <= width or copied in line for line in lines)


def test_prose_about_the_program_is_prose():
    text = f"edgeprune build stops here and says why: {PROSE}."
    lines = wrapped(text, 40).splitlines()
    assert max(map(len, lines)) <= 40
    assert len(lines) == 4


def test_lines_after_a_label_begin_where_its_text_does():
    lines = wrapped(f" not checked  {PROSE}.", 50).splitlines()
    assert lines[0].startswith(" not checked  The folder")
    assert len(lines) > 2
    assert all(line.startswith(" " * 14) and line[14] != " " for line in lines[1:])


def test_a_log_has_one_line_for_each_message():
    assert wrapped(PROSE * 10, None) == PROSE * 10
