"""Workers that live and say what real ones say, without training, for benchmarks."""

import heapq
import subprocess
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import optuna
from omegaconf import OmegaConf
from optuna.trial import TrialState

from hydra_sweep.launcher.local import LocalLauncher
from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import SearchSpace
from hydra_sweep.space.proposal import make_sampler, propose
from hydra_sweep.study import queue
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials
from scripts.stored_trials import EPOCHS, SPACE, objective

RANDOM = OmegaConf.create({"_target_": "optuna.samplers.RandomSampler"})
MEDIAN = OmegaConf.create({"_target_": "optuna.pruners.MedianPruner"})


def settings(n_trials: int, n_jobs: int, sampler: Any = RANDOM) -> Settings:
    return Settings(
        sampler=sampler, pruner=MEDIAN, study_name="scale", n_trials=n_trials, n_jobs=n_jobs, seed=0
    )


class Jobs(LocalLauncher):
    """Jobs of this machine that do nothing: what looking after them costs is real."""

    def submit(self, job_overrides: Sequence, places: Sequence[int], at_once: int) -> list[str]:
        folder = self.params["submitit_folder"]
        command = ["sh", "-c", "sleep 3600; :", str(Path(folder).absolute())]
        self.processes = [subprocess.Popen(command, start_new_session=True) for _ in places]
        return [str(process.pid) for process in self.processes]


class Speaker:
    """Says for many workers, each in its time, what they say to the study."""

    def __init__(self, address: StudyAddress, ids: list[str], asked: Settings, median_s: float) -> None:
        self.study = address.load()
        self.trials = Trials(self.study, asked.n_trials)
        self.asked = asked
        self.random = np.random.default_rng(0)
        self.median_s = median_s
        self.order = count()
        # seconds, which of those at the same time, what is to be done for whom
        self.due: list[tuple[float, int, Any, tuple]] = []
        for worker in ids:
            self.later(self.random.uniform(0, median_s), self.begin, worker)

    def later(self, seconds: float, what: Any, *arguments: Any) -> None:
        heapq.heappush(self.due, (time.monotonic() + seconds, next(self.order), what, arguments))

    def speak(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self.due and self.due[0][0] < end:
            at, _, what, arguments = heapq.heappop(self.due)
            time.sleep(max(0.0, at - time.monotonic()))
            what(*arguments)

    def begin(self, worker: str) -> None:
        claimed = queue.claim(self.trials.read(), worker)
        self.study.sampler = make_sampler(self.asked.sampler, 0, claimed.number)
        trial = LiveTrial(self.study, claimed._trial_id)
        propose(SearchSpace(SPACE, []), None, trial)
        epoch = self.median_s * self.random.lognormal(0, 0.5) / EPOCHS
        self.later(epoch, self.go_on, worker, claimed, trial, epoch, 1)

    def go_on(self, worker: str, claimed: Any, trial: optuna.Trial, epoch: float, step: int) -> None:
        trial.report(objective(trial.params) + EPOCHS - step, step)
        if step < EPOCHS:
            self.later(epoch, self.go_on, worker, claimed, trial, epoch, step + 1)
            return
        queue.tell(self.study, claimed, Outcome(TrialState.COMPLETE, [objective(trial.params)]))
        self.later(0, self.begin, worker)
