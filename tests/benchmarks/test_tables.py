"""What a script writes into a table leaves the rows that it did not measure."""

from __future__ import annotations

from pathlib import Path

from tests.benchmarks.readme import ZOO_README, merged_rows, rows_between, write_between


def test_rows_that_were_not_measured_stay(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    table = "| model | data | points |\n|---|---|---|\n| a | x | 1 |\n| a | y | 2 |\n| b | x | 3 |"
    page.write_text(f"before\n<!-- t -->\n{table}\n<!-- /t -->\nafter\n", encoding="utf-8")

    rows = merged_rows(rows_between(page, "t"), ["| a | y | 9 |", "| c | x | 4 |"], keys=2)

    assert rows == ["| a | x | 1 |", "| a | y | 9 |", "| b | x | 3 |", "| c | x | 4 |"]
    write_between(page, "t", "\n".join(["| model | data | points |", "|---|---|---|", *rows]))
    assert rows_between(page, "t") == rows
    assert page.read_text(encoding="utf-8").startswith("before")
    assert page.read_text(encoding="utf-8").endswith("after\n")


def test_a_page_without_the_table_has_no_rows(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing here\n", encoding="utf-8")
    assert rows_between(page, "t") == []


def test_the_page_of_the_zoo_has_rows_to_keep() -> None:
    models = {row.split(" | ")[0] for row in rows_between(ZOO_README, "half pruned")}
    assert {"| lenet-5", "| unet", "| text-bag"} <= models
