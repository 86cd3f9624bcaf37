"""A study as the report sees it: read once, written never."""

import math
import os
import re
import time
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution
from optuna.study import StudyDirection
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.facts.confirmed import confirmed_first, runs_again, values_again
from hydra_sweep.report.commands import Commands
from hydra_sweep.report.preference import best_known
from hydra_sweep.report.words import metrics_of
from hydra_sweep.study.best import broken
from hydra_sweep.study.foreign import ForeignStudy
from hydra_sweep.study.outcome import NOT_BEGUN, NOT_FINITE, OUT_OF_MEMORY
from hydra_sweep.study.promotion import seconds_of
from hydra_sweep.study.sweep_study import FIRST_STEP, WORKERS

# as lightning/pruning.py words why it stopped a trial
UNIT = re.compile(r"^\w+ after (epoch|validation) \d")


class Seen:
    """The study of a sweep, in its `folder`, or of another program, without one."""

    def __init__(self, study: optuna.Study, folder: Path | None = None) -> None:
        self.study = study
        self.folder = folder
        self.shown_in: Path | None = None  # the folder of the report, where it is another
        self.at = time.time()
        self.attrs: dict[str, Any] = study.user_attrs
        self.trials: list[FrozenTrial] = study.get_trials(deepcopy=False)
        self.directions: list[StudyDirection] = study.directions

    @cached_property
    def unit(self) -> str:
        """What a step counts, where those that were pruned say it: "epoch" or "validation", else "step"."""
        reasons = (str(trial.user_attrs.get("reason")) for trial in self.trials)
        said = {found[1] for reason in reasons if (found := UNIT.search(reason))}
        return said.pop() if len(said) == 1 and self.attrs.get(FIRST_STEP, 1) == 1 else "step"

    @property
    def started_with(self) -> dict[str, Any]:
        """What workers take from their supervisor; empty in a study of another program."""
        return self.attrs.get(WORKERS, {}).get("started with", {})

    @cached_property
    def metrics(self) -> list[str]:
        return metrics_of(self.study)

    @cached_property
    def best(self) -> list[FrozenTrial]:
        """Of one objective all with a finite value that keep the constraints, the best first, and before
        them those that were confirmed, with the mean for a value; of several the Pareto front."""
        best = self._found
        if len(self.directions) == 1:
            return confirmed_first(best, self.again, self.directions[0] == StudyDirection.MAXIMIZE)
        return best

    @cached_property
    def again(self) -> dict[int, list[float]]:
        """What those of the best gave that were run again with fresh seeds, by number."""
        if (
            len(self.directions) > 1
            or isinstance(self.study, ForeignStudy)
            or not (runs := runs_again(self.study, self.folder))
        ):
            return {}
        known = {trial.number: values_again(trial, runs) for trial in self._found[: len(runs)]}
        return {number: values for number, values in known.items() if values}

    @cached_property
    def _found(self) -> list[FrozenTrial]:
        """The best by what the search knows alone."""
        return best_known(self.study, filter(is_finite, self.trials))

    @cached_property
    def commands(self) -> Commands:
        return Commands(self.study, self.folder or Path())

    @cached_property
    def distributions(self) -> dict[str, BaseDistribution]:
        """As the newest trial has each parameter."""
        found: dict[str, BaseDistribution] = {}
        for trial in self.trials:
            found.update(trial.distributions)
        return found

    @cached_property
    def folders(self) -> set[str]:
        """The names in the sweep's folder: asked for once, not for each trial."""
        return {path.name for path in self.folder.iterdir()} if self.folder else set()

    @cached_property
    def _way(self) -> str:
        way = os.path.relpath(self.folder, self.shown_in or self.folder)
        return "" if way == os.curdir else f"{way}/"

    def link(self, file: str) -> str:
        """From the report to what is in the sweep's folder."""
        return f"{self._way}{file}"

    def ended(self, *states: TrialState) -> list[FrozenTrial]:
        return [trial for trial in self.trials if trial.state in states]

    def losses(self, trials: Iterable[FrozenTrial]) -> list[float]:
        """The values of one objective, so that less is better."""
        sign = -1 if self.directions[0] == StudyDirection.MAXIMIZE else 1
        return [sign * trial.value for trial in trials]


def is_finite(trial: FrozenTrial) -> bool:
    return bool(trial.values) and all(map(math.isfinite, trial.values))


def is_pruned(trial: FrozenTrial) -> bool:
    """Whether a pruner stopped it, not what is PRUNED so that the sampler avoids the region."""
    reason = trial.user_attrs.get("reason") or ""
    return trial.state == TrialState.PRUNED and not reason.startswith(
        (OUT_OF_MEMORY, NOT_FINITE, NOT_BEGUN)
    )


def is_judged(trial: FrozenTrial) -> bool:
    """Whether it says how good its parameters are: it came to a value, or to none that could be."""
    if trial.state == TrialState.PRUNED:
        return not (trial.user_attrs.get("reason") or "").startswith(NOT_BEGUN)
    return trial.state == TrialState.COMPLETE


def is_result(trial: FrozenTrial) -> bool:
    """Whether it could be the best."""
    return trial.state == TrialState.COMPLETE and is_finite(trial) and not broken(trial)


def seconds(trial: FrozenTrial) -> float | None:
    """Of its last attempt, and of those before that ended at a rung."""
    return seconds_of(trial) if trial.duration else None


def label(name: str, names: Iterable[str]) -> str:
    """The last part of a dotted name, or the whole, where another's looks alike."""
    bare = name.lstrip("+")
    short = _short(bare)
    return bare if sum(_short(other.lstrip("+")) == short for other in names) > 1 else short


def _short(name: str) -> str:
    head, _, last = name.rpartition(".")
    return f"len({last}" if head.startswith("len(") else last
