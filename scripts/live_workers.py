"""Workers that live and say to the study what real ones say, without training: for benchmarks."""

import heapq
import subprocess
import time
from collections.abc import Sequence
from itertools import count
from pathlib import Path

import numpy as np
import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.launcher.local import LocalLauncher
from hydra_sweep.settings import Settings
from hydra_sweep.space.proposal import propose
from hydra_sweep.space.samplers import make_sampler
from hydra_sweep.space.search_space import SearchSpace
from hydra_sweep.study import queue
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.trials import Trials
from scripts.stored_trials import EPOCHS, SPACE, objective


def settings(n_trials: int, n_jobs: int = 1, sampler: str = "RandomSampler") -> Settings:
    return Settings(
        sampler=OmegaConf.create({"_target_": f"optuna.samplers.{sampler}"}),
        pruner=OmegaConf.create({"_target_": "optuna.pruners.MedianPruner"}),
        study_name="scale",
        n_trials=n_trials,
        n_jobs=n_jobs,
        seed=0,
    )


class Jobs(LocalLauncher):
    """Jobs of this machine that do nothing: what looking after them costs is real."""

    def submit(self, job_overrides: Sequence, places: Sequence[int], at_once: int) -> list[str]:
        folder = self.params["submitit_folder"]
        command = ["sh", "-c", "sleep 3600; :", str(Path(folder).absolute())]
        self.processes = [subprocess.Popen(command, start_new_session=True) for _ in places]
        return [str(process.pid) for process in self.processes]


class Speaker:
    """Says for the workers of all trials that run, each in its time, what they would say: values, results,
    and the claim of another trial."""

    def __init__(self, study: optuna.Study, asked: Settings, median_s: float) -> None:
        self.study, self.asked, self.median_s = study, asked, median_s
        self.trials = Trials(study, asked.n_trials, running=False).read()
        self.random = np.random.default_rng(0)
        self.order = count()
        # when, which of those of the same time, and whose next epoch ends then
        self.due: list[tuple[float, int, FrozenTrial, int]] = []
        for trial in self.trials.in_state(TrialState.RUNNING):
            self._later(trial, step=1)

    def speak(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while self.due[0][0] < end:
            at, _, trial, step = heapq.heappop(self.due)
            time.sleep(max(0.0, at - time.monotonic()))
            self._end_epoch(trial, step)
        time.sleep(max(0.0, end - time.monotonic()))

    def _later(self, trial: FrozenTrial, step: int) -> None:
        seconds = self.median_s * self.random.lognormal(0, 0.5) / EPOCHS
        heapq.heappush(self.due, (time.monotonic() + seconds, next(self.order), trial, step))

    def _end_epoch(self, claimed: FrozenTrial, step: int) -> None:
        LiveTrial(self.study, claimed._trial_id).report(1.0, step)
        if step < EPOCHS:
            self._later(claimed, step + 1)
            return
        value = objective(self.study._storage.get_trial(claimed._trial_id).params)
        queue.tell(self.study, claimed, Outcome(TrialState.COMPLETE, [value]))
        another = queue.claim(self.trials.read(), claimed.user_attrs["worker"])
        space = SearchSpace(SPACE, [])
        self.study.sampler = make_sampler(self.asked, space, another.number)
        propose(space, None, optuna.Trial(self.study, another._trial_id))
        self._later(another, 1)
