"""`hydra.sweeper.dry_run=true`: what a sweep would do, before anything is written or started."""

from collections.abc import Mapping
from typing import Any

import optuna
from omegaconf import DictConfig, OmegaConf
from rich.table import Table

from hydra_sweep.checks.resumed_study import changed_overrides
from hydra_sweep.code import version as code_version
from hydra_sweep.console import console, say
from hydra_sweep.report.words import NONE, counted, counts_line, metric_names, workers_line
from hydra_sweep.space.grammar import in_words, to_overrides
from hydra_sweep.space.lists import values
from hydra_sweep.space.text import scalar
from hydra_sweep.study import queue
from hydra_sweep.study.trials import Trials
from hydra_sweep.sweep import Sweep


def show_plan(
    sweep: Sweep,
    params: Mapping[str, Any],
    cfg: DictConfig,
    existing: optuna.Study | None,
    notes: list[str],
) -> None:
    """Prints one composed trial, the search space, and what would be launched."""
    task = OmegaConf.masked_copy(cfg, [key for key in cfg if key != "hydra"])
    say("A trial, drawn at random, would get this configuration:\n")
    say(OmegaConf.to_yaml(task))
    console().print(_space(sweep, params))
    if priors := sweep.space.priors:
        good = to_overrides({key: prior.value for key, prior in priors.items()})
        say(f"Thought good, and tried more often at first: {' '.join(good)}")
    if sweep.space.fixed:
        say(f"Fixed for all trials: {' '.join(sweep.space.fixed)}")
    for line in (*notes, *_launch(sweep, existing)):
        say(line)
    if hooks := sweep.settings.hooks("prepare"):
        say(f"Not looked at, for that takes heavy imports: what a start has checked by {', '.join(hooks)}.")


def _space(sweep: Sweep, params: Mapping[str, Any]) -> Table:
    drawn, words = values(params), in_words(sweep.space)
    table = Table(title="Search space", title_justify="left", header_style="bold")
    for column in ("parameter", "searched", "drawn"):
        table.add_column(column)
    for key in {**words, **drawn}:
        table.add_row(key, words.get(key, sweep.space.custom), scalar(drawn.get(key, NONE)))
    return table


def _launch(sweep: Sweep, existing: optuna.Study | None) -> list[str]:
    settings, choices = sweep.settings, sweep.config.hydra.runtime.choices
    sampler, pruner = (node._target_.rpartition(".")[2] for node in (settings.sampler, settings.pruner))
    trials = Trials(existing, settings.n_trials, rules=settings.stop).read() if existing else None
    state = f"is there: {counts_line(trials.counts())}" if existing else "is new"
    left = queue.n_left(trials) if existing else settings.n_trials
    metrics = zip(metric_names(sweep), settings.directions, strict=True)
    lines = [
        f"Metric: {', '.join(f'{direction} {name}' for name, direction in metrics)}. {sampler}, {pruner}.",
        f"Study {settings.study_name} {state}. Its folder: {sweep.address.folder}",
        f"Would train {counted(left, 'trial')} "
        f"on {workers_line(settings)}, hydra/launcher={choices['hydra/launcher']}.",
    ]
    if sweep.constraints:
        told = [f"{one.text}{' (once it has run)' if one.told else ''}" for one in sweep.constraints]
        lines.insert(1, f"Constraints: {'; '.join(told)}.")
    changes = changed_overrides(existing, sweep) if existing else []
    if existing:
        code = code_version.current(sweep.root, sweep.address.folder)
        changes += code_version.changed(existing.user_attrs, code)
    return [*lines, *(f"Changed since the study was begun: {change}" for change in changes)]
