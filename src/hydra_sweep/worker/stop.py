"""When a worker is to stop: its launcher's signals, and the time that its job has."""

import os
import signal
import statistics
import time
from itertools import islice
from typing import Any

from omegaconf import DictConfig
from optuna.trial import TrialState

from hydra_sweep.study.trials import Trials

# how long a trial that is told to stop may take, at least, to end its batch and write a checkpoint; and how
# much sooner than its job's end it is to be done
STOP_GRACE_S = 30.0
TO_SPARE_S = 15.0
# by how many trials, the newest, the next one's time is judged
NEWEST = 100


class Stop:
    """SIGTERM tells a worker to stop, by its supervisor or by a cluster that takes the job's place;
    SIGUSR2, submitit's, that its job's time is over, or again that it is preempted.

    `grace` is how many seconds its trials have then; `mistaken`, whether it stops over what every trial
    would come to.
    """

    def __init__(self, launcher: DictConfig) -> None:
        self.told = self.mistaken = False
        self.grace = STOP_GRACE_S
        self.in_advance = launcher.get("signal_delay_s") or 0
        signal.signal(signal.SIGTERM, self._on_signal)
        signal.signal(signal.SIGUSR2, self._on_signal)

    def for_a_mistake(self) -> None:
        self.told = self.mistaken = True

    def _on_signal(self, number: int, _: Any) -> None:
        self.told = True
        if number == signal.SIGUSR2:
            self.grace = max(STOP_GRACE_S, self.in_advance - TO_SPARE_S)


class JobTime:
    """Of the job that this process is: made when it starts.

    The limit is the launcher's `timeout_min`, less `signal_delay_s`, when the job is told to stop.
    """

    def __init__(self, launcher: DictConfig) -> None:
        # From 22.05 on SLURM says when; before, the lines of `setup` take from the time.
        started = float(os.environ.get("SLURM_JOB_START_TIME") or time.time())
        self.ends = started + 60 * launcher.get("timeout_min", 0) - (launcher.get("signal_delay_s") or 0)

    def is_left_for_another(self, trials: Trials) -> bool:
        """Whether a trial, if it takes as long as most of the newest have, would end in time."""
        complete = (trial for trial in reversed(trials.ended) if trial.state == TrialState.COMPLETE)
        times = [trial.duration.total_seconds() for trial in islice(complete, NEWEST) if trial.duration]
        return time.time() + (statistics.median(times) if times else 0.0) < self.ends
