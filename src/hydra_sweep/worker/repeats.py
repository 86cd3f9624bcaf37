"""The repeats of a trial, one process after the other: `hydra.sweeper.repeats`."""

import os
from pathlib import Path

import numpy as np
import optuna
from omegaconf import DictConfig, OmegaConf, read_write
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import make_pruner
from hydra_sweep.settings import Settings
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.repeats import add_repeat, repeats_of, seed_of
from hydra_sweep.study.trial_folder import REPEAT


class Repeats:
    """Of a trial that was claimed; those that have ended are not trained again."""

    def __init__(self, settings: Settings, study: optuna.Study, claimed: FrozenTrial) -> None:
        self.settings = settings
        self.study = study
        self.trial = claimed

    @property
    def next(self) -> int | None:
        """Which is to be trained now, from 1; None where the trial is trained once."""
        return len(repeats_of(self.trial)) + 1 if self.settings.repeats else None

    def add(self, outcome: Outcome) -> None:
        self.trial = add_repeat(self.study, self.trial, outcome.values)

    def outcome(self) -> Outcome | None:
        """The trial's, where no other repeat is to come."""
        if not self.next:
            return None
        n, known = self.settings.repeats["n"], repeats_of(self.trial)
        if len(known) >= n:
            return Outcome(TrialState.COMPLETE, np.mean(known, axis=0).tolist())
        if known and len(self.study.directions) == 1:
            pruner = make_pruner(self.settings.pruner)
            if pruner.prune(self.study, self.trial):
                reason = f"{type(pruner).__name__} after repeat {len(known)} of {n}"
                return Outcome(TrialState.PRUNED, reason=reason)
        return None


def for_repeat(config: DictConfig, key: str, repeat: int) -> None:
    """Makes a trial's configuration, with its folder, that of a repeat, which has a folder below. One that
    is not seeded stays so."""
    folder = Path(config.hydra.runtime.output_dir, f"{REPEAT}{repeat}")
    base = OmegaConf.select(config, key)
    with read_write(config.hydra):
        config.hydra.sweep.subdir = os.path.relpath(folder, config.hydra.sweep.dir)
        config.hydra.runtime.output_dir = str(folder)
        if isinstance(base, int) and repeat > 1:
            seed = seed_of(base, repeat)
            OmegaConf.update(config, key, seed)
            config.hydra.overrides.task.append(f"{key}={seed}")
