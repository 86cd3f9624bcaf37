"""What is left of a sweep: `optimization_results.yaml`, the best trials, and the commands to go on."""

import math
from statistics import mean, stdev
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from rich.table import Table

from hydra_sweep.console import console, say
from hydra_sweep.report.columns import whole_columns
from hydra_sweep.report.commands import Commands
from hydra_sweep.report.confirmed import confirmed, table_of, told, verdict
from hydra_sweep.report.in_hand import folder_in_hand, whats_in
from hydra_sweep.report.preference import ends_of, preferred_first
from hydra_sweep.report.words import NONE, clock, counted, counts_line, metric_names
from hydra_sweep.space.lists import values
from hydra_sweep.study.best import best_first, broken_line, closest
from hydra_sweep.study.promotion import seconds_of
from hydra_sweep.study.repeats import repeats_of, spreads
from hydra_sweep.study.trials import Trials
from hydra_sweep.sweep import Sweep

SHOWN, SHOWN_OF_FRONT = 5, 20


def write_results(best: list[FrozenTrial], sweep: Sweep) -> None:
    """Writes what hydra-optuna-sweeper writes, under the same keys; nothing without a result."""
    if not best:
        return
    if len(sweep.settings.directions) == 1:
        found = {"best_params": values(best[0].params), "best_value": best[0].value}
    else:
        found = {"solutions": [{"params": values(t.params), "values": t.values} for t in best]}
    OmegaConf.save({"name": "optuna", **found}, sweep.address.folder / "optimization_results.yaml")


def best_trials(study: optuna.Study, sweep: Sweep) -> list[FrozenTrial]:
    """The best first; of several objectives the Pareto front, what `hydra.sweeper.prefer` names first. Once
    the best were confirmed, they come first, by their means, which are their values."""
    best = search_best(study, sweep)
    found = confirmed(best, study.directions, sweep)
    numbers = {one.trial.number for one in found}
    return [one.as_trial() for one in found] + [one for one in best if one.number not in numbers]


def search_best(study: optuna.Study, sweep: Sweep) -> list[FrozenTrial]:
    """Likewise, by what the search knows alone."""
    best = best_first(study.get_trials(deepcopy=False), study.directions)
    if len(study.directions) == 1:
        return best
    return preferred_first(best, study.directions, metric_names(sweep), sweep.settings.prefer)


def show(study: optuna.Study, sweep: Sweep, look_further: list[str], unfinished: bool = False) -> None:
    """Prints the best trials, and the commands to go on, to look further, to train the best again."""
    best, of_search = best_trials(study, sweep), search_best(study, sweep)
    if best:
        console().print(best_table(of_search, study.directions, metric_names(sweep)))
        if sweep.space.only_seeds:
            _of_seeds(best, sweep)
        if found := confirmed(of_search, study.directions, sweep):
            console().print(table_of(found, sweep))
            say(verdict(found, of_search[0], sweep))
    elif near := closest(study.get_trials(deepcopy=False)):
        say(f"No trial keeps the constraints. Trial {near.number} comes closest: it {broken_line(near)}.")
    say(counts_line(Trials(study, sweep.settings.n_trials).read().counts()))
    say(f"All of it: {sweep.address.folder}")
    commands = Commands(study, sweep.address.folder)
    if unfinished and (line := commands.go_on()):
        say("Go on with:")
        say(f"  {line}")
    if look_further:
        say("Look further:")
        for line in look_further:
            say(f"  {line}")
    if best:
        home = folder_in_hand(sweep.address.folder, best[0])
        say(f"The best is trial {best[0].number}{f', kept in {home}: {whats_in(home)}' if home else ''}.")
        for label, line in commands.of_best(best[0]):
            say(f"{label}:")
            say(f"  {line}")


def _of_seeds(best: list[FrozenTrial], sweep: Sweep) -> None:
    """Of trials that differ in their seeds alone, what they are together."""
    for i, name in enumerate(metric_names(sweep)):
        each = [trial.values[i] for trial in best]
        spread = stdev(each) if len(each) > 1 else math.nan
        say(f"{name} of {counted(len(each), 'seed')}: {told(mean(each), spread)} (mean ± sd)")


def best_table(best: list[FrozenTrial], directions: list[StudyDirection], metrics: list[str]) -> Table:
    """The best of all; of several objectives the front, where each one's best value is marked with a star,
    and the trial whose command is shown comes first."""
    several = len(metrics) > 1
    title = f"Pareto front: {counted(len(best), 'trial')}" if several else "Best trials"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("trial", justify="right")
    for metric in metrics:
        table.add_column(metric, justify="right")
    table.add_column("time", justify="right")
    shown = best[: SHOWN_OF_FRONT if several else SHOWN]
    each = [values(trial.params) for trial in shown]
    names = list(dict.fromkeys(name for params in each for name in params))
    for name in short_names(names):
        table.add_column(name, justify="right", no_wrap=True)
    ends = [end.values[i] for i, end in enumerate(ends_of(best, directions))] if several else [None]
    for trial, params in zip(shown, each, strict=True):
        repeats = repeats_of(trial)
        sds = spreads(repeats) if repeats else [math.nan] * len(ends)
        each_one = zip(trial.values, sds, ends, strict=True)
        results = [f"{told(value, sd)}{' *' if value == end else ''}" for value, sd, end in each_one]
        texts = [_shown(params.get(name, NONE)) for name in names]
        table.add_row(str(trial.number), *results, clock(seconds_of(trial)), *texts)
    return whole_columns(table, console().width, at_least=2 + len(metrics))


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short_names(names: list[str]) -> list[str]:
    """The last parts of dotted names, or the names themselves where two would look alike."""
    short = [name.rpartition(".")[2] for name in names]
    return short if len(set(short)) == len(short) else names
