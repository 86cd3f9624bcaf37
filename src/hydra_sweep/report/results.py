"""What is left of a sweep: `optimization_results.yaml`, the best trials, and the commands to go on."""

import shlex
import sys
from typing import Any

import optuna
from hydra._internal.utils import get_args_parser
from omegaconf import OmegaConf
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial
from rich.table import Table

from hydra_sweep.console import console, say
from hydra_sweep.report.preference import ends_of, preferred_first
from hydra_sweep.report.words import NONE, clock, counted, counts_line, metric_names
from hydra_sweep.settings import NEW
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.lists import values
from hydra_sweep.study.best import best_first, broken_line, closest
from hydra_sweep.study.promotion import seconds_of
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
    """The best first; of several objectives the Pareto front, what `hydra.sweeper.prefer` names first."""
    best = best_first(study.get_trials(deepcopy=False), study.directions)
    if len(study.directions) == 1:
        return best
    return preferred_first(best, study.directions, metric_names(sweep), sweep.settings.prefer)


def show(study: optuna.Study, sweep: Sweep, look_further: list[str], unfinished: bool = False) -> None:
    """Prints the best trials, and the commands to go on, to look further, to train the best again."""
    best = best_trials(study, sweep)
    if best:
        console().print(_table(best, study.directions, metric_names(sweep)))
    elif near := closest(study.get_trials(deepcopy=False)):
        say(f"No trial keeps the constraints. Trial {near.number} comes closest: it {broken_line(near)}.")
    say(counts_line(Trials(study, sweep.settings.n_trials).read().counts()))
    say(f"All of it: {sweep.address.folder}")
    if unfinished:
        say("Go on with:")
        say(f"  {_command(_same_sweep(sweep))}")
    if look_further:
        say("Look further:")
        for line in look_further:
            say(f"  {line}")
    if best:
        say("Train the best again, and test it:" if "test" in sweep.config else "Run the best again:")
        say(f"  {_command(_single_run(sweep, best[0]))}")


def _table(best: list[FrozenTrial], directions: list[StudyDirection], metrics: list[str]) -> Table:
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
        pairs = zip(trial.values, ends, strict=True)
        results = [f"{value:.6g}{' *' if value == end else ''}" for value, end in pairs]
        texts = [_shown(params.get(name, NONE)) for name in names]
        table.add_row(str(trial.number), *results, clock(seconds_of(trial)), *texts)
    return table


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def short_names(names: list[str]) -> list[str]:
    """The last parts of dotted names, or the names themselves where two would look alike."""
    short = [name.rpartition(".")[2] for name in names]
    return short if len(set(short)) == len(short) else names


def _same_sweep(sweep: Sweep) -> list[str]:
    """The command line that was given, but for `study=new`, which would begin another."""
    if sweep.settings.study != NEW:
        return sys.argv
    kept = [
        word for word in sys.argv if not word.startswith(("hydra.sweeper.study", "+hydra.sweeper.study"))
    ]
    return [*kept, f"hydra.sweeper.study_name={sweep.settings.study_name}"]


def _single_run(sweep: Sweep, trial: FrozenTrial) -> list[str]:
    """The command line that trains the trial alone: what every trial had, and its parameters."""
    return [
        sys.argv[0],
        *_config_flags(),
        *sweep.space.fixed,
        "hydra.mode=RUN",
        *(["test=true"] if OmegaConf.select(sweep.config, "test") is False else []),
        *to_overrides(trial.params),
    ]


def _config_flags() -> list[str]:
    """Where the configuration is, as the command line said it."""
    given = get_args_parser().parse_known_args(sys.argv[1:])[0]
    flags = {f"--config-{name}": getattr(given, f"config_{name}") for name in ("path", "name", "dir")}
    return [f"{flag}={value}" for flag, value in flags.items() if value]


def _command(argv: list[str]) -> str:
    return f"python {shlex.join(argv)}"
