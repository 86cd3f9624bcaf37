from io import StringIO

import pytest
from rich.console import Console
from rich.table import Table

from hydra_sweep.report.columns import whole_columns


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (200, ["trial", "val/acc", "lr", "lin1_size"]),
        (43, ["trial", "val/acc", "lr", "lin1_size"]),
        (42, ["trial", "val/acc", "lr", "…"]),
        (30, ["trial", "val/acc", "…"]),
        (24, ["trial", "val/acc", "…"]),
    ],
)
def test_the_first_columns_are_whole_at_any_width(width, shown):
    table = Table("trial", "val/acc", "lr", "lin1_size")
    for _ in range(2):
        table.add_row("12", "0.98765", "0.0001234", "256")
    console = Console(width=width, file=StringIO())
    console.print(whole_columns(table, width, at_least=2))
    heading, *rows = [line for line in console.file.getvalue().splitlines() if line[0] in "┃│"]
    assert len(heading) <= width
    assert heading.replace("┃", "").split() == shown
    assert [row.replace("│", "").split()[:2] for row in rows] == [["12", "0.98765"]] * 2
