"""Tables that fit the terminal."""

from rich.cells import cell_len
from rich.table import Table

MORE = "…"


def whole_columns(table: Table, width: int, at_least: int) -> Table:
    """The table with as many of its columns as there is room for, the first in any case, and in place of
    the others one that says so: rich would cut all of them, the first like the last."""
    columns = table.columns
    for column in columns:
        column.no_wrap = True
    # with a line and two spaces beside each
    each = [max(cell_len(str(text)) for text in (one.header, *one.cells)) + 3 for one in columns]
    n = len(columns)
    if sum(each) + 1 > width:
        while n > at_least and sum(each[:n]) + 4 + 1 > width:
            n -= 1
        del columns[n + 1 :]
        columns[n].header, columns[n].width = MORE, 1
    return table
