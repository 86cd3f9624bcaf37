"""What was measured, for a terminal, or in markdown where there is none."""

import statistics

from rich import box
from rich.console import Console
from rich.table import Table

from scripts.peers.measure import Figures

Repeat = dict[str, Figures]  # by the ways' names; without those that failed


def show(console: Console, title: str, repeats: list[Repeat]) -> None:
    console.print(f"\n{title}:", style="bold")
    for table in (medians(repeats), runs(repeats)):
        table.box = box.HEAVY_HEAD if console.is_terminal else box.MARKDOWN
        console.print(table)


def medians(repeats: list[Repeat]) -> Table:
    columns = (
        "wall s",
        "epochs",
        "batches",
        "best",
        "before the first trial",
        "after the last",
        "ours / it",
    )
    table = Table("median (least to most)", *columns)
    for name in names(repeats):
        figures = [repeat[name] for repeat in repeats if name in repeat]
        both = [repeat for repeat in repeats if name != "ours" and {"ours", name} <= repeat.keys()]
        table.add_row(
            name,
            spread([one.wall for one in figures], 1),
            spread([one.epochs for one in figures], 0),
            spread([one.batches for one in figures], 0),
            spread([one.best for one in figures], 4),
            spread([one.before for one in figures], 1),
            spread([one.after for one in figures], 1),
            spread([repeat["ours"].wall / repeat[name].wall for repeat in both], 2),
        )
    return table


def runs(repeats: list[Repeat]) -> Table:
    columns = (
        "wall s",
        "epochs",
        "batches",
        "trials that ended after",
        "best",
        "before",
        "after",
        "at once",
        "cpu",
    )
    table = Table("", "repeat", *columns)
    for name in names(repeats):
        for number, repeat in enumerate(repeats, start=1):
            if one := repeat.get(name):
                ended = ", ".join(f"{epochs}: {trials}" for epochs, trials in one.ended.items())
                counts = f"{one.wall:.1f}", str(one.epochs), str(one.batches), ended, f"{one.best:.4f}"
                rest = f"{one.before:.1f}", f"{one.after:.1f}", f"{one.at_once:.2f}", f"{one.cpu:.2f}"
                table.add_row(name, str(number), *counts, *rest)
    return table


def names(repeats: list[Repeat]) -> list[str]:
    """Ours first, then the others."""
    return sorted({name for repeat in repeats for name in repeat}, key=lambda name: (name != "ours", name))


def spread(values: list[float], digits: int) -> str:
    if not values:
        return ""
    middle, least, most = (f"{f(values):.{digits}f}" for f in (statistics.median, min, max))
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"
