"""What was measured, for a terminal, or in markdown where there is none."""

import statistics

from rich import box
from rich.console import Console
from rich.table import Table

from scripts.peers.measure import Figures

Repeat = dict[str, Figures]  # by the ways' names; without those that failed

# of the Figures that are shown, their decimals
DIGITS = {"wall": 1, "epochs": 0, "batches": 0, "cpu": 1, "best": 4, "before": 1, "after": 1}


def show(console: Console, title: str, repeats: list[Repeat]) -> None:
    console.print(f"\n{title}:", style="bold")
    for table in (medians(repeats), runs(repeats)):
        table.box = box.HEAVY_HEAD if console.is_terminal else box.MARKDOWN
        console.print(table)


def medians(repeats: list[Repeat]) -> Table:
    table = Table("median (least to most)", *DIGITS, "ours / it")
    for name in names(repeats):
        figures = [repeat[name] for repeat in repeats if name in repeat]
        both = [repeat for repeat in repeats if name != "ours" and {"ours", name} <= repeat.keys()]
        ratios = [repeat["ours"].wall / repeat[name].wall for repeat in both]
        cells = [spread([getattr(one, key) for one in figures], digits) for key, digits in DIGITS.items()]
        table.add_row(name, *cells, spread(ratios, 2) if ratios else "")
    return table


def runs(repeats: list[Repeat]) -> Table:
    table = Table("", "repeat", *DIGITS, "trials ended after", "at once", "share")
    for name in names(repeats):
        for number, repeat in enumerate(repeats, start=1):
            if one := repeat.get(name):
                cells = [f"{getattr(one, key):.{digits}f}" for key, digits in DIGITS.items()]
                ended = ", ".join(f"{epochs}: {trials}" for epochs, trials in one.ended.items())
                table.add_row(name, str(number), *cells, ended, f"{one.at_once:.2f}", f"{one.share:.2f}")
    return table


def names(repeats: list[Repeat]) -> list[str]:
    """Ours first, then the others."""
    return sorted({name for repeat in repeats for name in repeat}, key=lambda name: (name != "ours", name))


def spread(values: list[float], digits: int) -> str:
    middle, least, most = (f"{f(values):.{digits}f}" for f in (statistics.median, min, max))
    return middle if len(values) == 1 else f"{middle} ({least} to {most})"
