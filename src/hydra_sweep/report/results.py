"""What is left of a sweep: `optimization_results.yaml`, the best trials, and the commands to go on."""

import shlex
import sys
from pathlib import Path
from typing import Any

import optuna
from hydra._internal.utils import get_args_parser
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState
from rich.table import Table

from hydra_sweep.console import console, say
from hydra_sweep.report.words import NONE, clock, counts_line, metric_names
from hydra_sweep.settings import NEW
from hydra_sweep.space.grammar import to_overrides
from hydra_sweep.space.lists import values
from hydra_sweep.study.trials import Trials
from hydra_sweep.sweep import Sweep

SHOWN = 5


def write_results(study: optuna.Study, folder: Path) -> None:
    """Writes what hydra-optuna-sweeper writes, under the same keys; nothing without a result."""
    best = best_trials(study)
    if not best:
        return
    if len(study.directions) == 1:
        found = {"best_params": values(best[0].params), "best_value": best[0].value}
    else:
        found = {"solutions": [{"params": values(t.params), "values": t.values} for t in best]}
    OmegaConf.save({"name": "optuna", **found}, folder / "optimization_results.yaml")


def best_values(study: optuna.Study) -> float | list[float] | None:
    best = best_trials(study)
    if not best:
        return None
    return best[0].value if len(study.directions) == 1 else best[0].values


def best_trials(study: optuna.Study) -> list[FrozenTrial]:
    """Complete trials: best first for one objective, the Pareto front for several."""
    if len(study.directions) > 1:
        return study.best_trials
    complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
    maximize = study.direction == optuna.study.StudyDirection.MAXIMIZE
    return sorted(complete, key=lambda trial: trial.value, reverse=maximize)


def show(study: optuna.Study, sweep: Sweep, look_further: list[str], unfinished: bool = False) -> None:
    """Prints the best trials, and the commands to go on, to look further, to train the best again."""
    best = best_trials(study)
    if best:
        console().print(_table(best[:SHOWN], metric_names(sweep)))
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


def _table(trials: list[FrozenTrial], metrics: list[str]) -> Table:
    title = "Best trials" if len(metrics) == 1 else "Pareto front"
    table = Table(title=title, title_justify="left", header_style="bold")
    table.add_column("trial", justify="right")
    for metric in metrics:
        table.add_column(metric, justify="right")
    table.add_column("time", justify="right")
    each = [values(trial.params) for trial in trials]
    names = list(dict.fromkeys(name for params in each for name in params))
    for name in short_names(names):
        table.add_column(name, justify="right", no_wrap=True)
    for trial, params in zip(trials, each, strict=True):
        results = [f"{value:.6g}" for value in trial.values]
        shown = [_shown(params.get(name, NONE)) for name in names]
        table.add_row(str(trial.number), *results, clock(trial.duration.total_seconds()), *shown)
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
