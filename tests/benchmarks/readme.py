"""Tables of measured results go into the READMEs by script, between two HTML comments."""

from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
README = HERE / "README.md"
ZOO_README = ROOT / "models" / "README.md"


def rows_between(path: Path, marker: str) -> list[str]:
    """The rows of the table between two HTML comments, without its header; none where there is no table."""
    found = re.search(f"<!-- {re.escape(marker)} -->(.*?)<!--", path.read_text(encoding="utf-8"), re.DOTALL)
    lines = found.group(1).strip().splitlines() if found else []
    return [line for line in lines if line.startswith("| ")][1:]


def merged_rows(old: list[str], new: list[str], *, keys: int) -> list[str]:
    """The old rows, each replaced by the new one whose first `keys` cells are the same; then the rest."""
    found = {tuple(row.split(" | ")[:keys]): row for row in old}
    found |= {tuple(row.split(" | ")[:keys]): row for row in new}
    return list(found.values())


def write_between(path: Path, marker: str, text: str) -> None:
    """Replaces what stands between two HTML comments; adds them at the end where there are none."""
    opening, closing = f"<!-- {marker} -->", f"<!-- /{marker} -->"
    block = f"{opening}\n{text}\n{closing}"
    old = path.read_text(encoding="utf-8")
    if opening in old:
        new = re.sub(f"{re.escape(opening)}.*?{re.escape(closing)}", lambda _: block, old, flags=re.DOTALL)
    else:
        new = f"{old.rstrip()}\n\n{block}\n"
    path.write_text(new, encoding="utf-8")
