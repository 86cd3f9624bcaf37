"""What the best of a sweep gave when they were run again: `hydra.sweeper.confirm`."""

import math

from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from rich.table import Table

from hydra_sweep.report.words import NONE, counted, metric_names, short_params
from hydra_sweep.study.confirmation import Confirmed, address_of, candidates, points_of, ranked
from hydra_sweep.sweep import Sweep


def confirmed(best: list[FrozenTrial], directions: list[StudyDirection], sweep: Sweep) -> list[Confirmed]:
    """The best of the search, given as that ranks them, by their means; none where they are not to be run
    again, or some of that is yet to be done."""
    settings = sweep.settings.confirm
    study = address_of(sweep.address).load_existing() if settings else None
    runs = study.get_trials(deepcopy=False) if study else []
    found = []
    for trial in candidates(best, settings["top"]) if runs else ():
        points = points_of(trial, settings["key"], settings["seeds"])
        own = [run for run in runs if run.params in points]
        if len(own) < len(points) or not all(run.state.is_finished() for run in own):
            return []
        found.append(Confirmed(trial, own))
    return ranked(found, directions)


def told(value: float, spread: float) -> str:
    """A mean with two digits of its standard deviation, and as many places as that; the mean alone where it
    is NaN."""
    if math.isnan(spread):
        return f"{value:.6g}"
    places = max(0, 1 - math.floor(math.log10(spread))) if spread else 6
    return f"{value:.{places}f} ± {spread:.{places}f}"


def table_of(found: list[Confirmed], sweep: Sweep) -> Table:
    """For each objective the mean, and what the search had."""
    table = Table(
        title=f"Confirmed, with {counted(sweep.settings.confirm['seeds'], 'fresh seed')} each: mean ± sd",
        title_justify="left",
        header_style="bold",
    )
    table.add_column("trial", justify="right")
    for metric in metric_names(sweep):
        table.add_column(metric, justify="right")
        table.add_column("in the search", justify="right")
    table.add_column("runs", justify="right")
    table.add_column("parameters")
    for one in found:
        cells = []
        for mean, spread, value in zip(one.means, one.spreads, one.trial.values, strict=True):
            cells += [told(mean, spread), f"{value:.6g}"]
        runs = f"{len(one.good)} of {len(one.runs)}"
        table.add_row(str(one.trial.number), *cells, runs, short_params(one.trial) or NONE)
    return table


def verdict(found: list[Confirmed], best: FrozenTrial, sweep: Sweep) -> str:
    """Whether the winner is another; `best` is the search's."""
    winner, names = found[0], metric_names(sweep)
    if winner.trial.number == best.number:
        return f"Trial {best.number} stays the best."
    told_before = next((one for one in found if one.trial.number == best.number), None)
    pairs = zip(names, best.values, strict=True)
    had = ", ".join(f"{name} {value:.6g}" for name, value in pairs)
    now = ", ".join(map(told, told_before.means, told_before.spreads)) if told_before else "none"
    return (
        f"Trial {winner.trial.number} is the best, not trial {best.number}, which had {had} in the search "
        f"and has {now} now."
    )
