"""How much of its time limit a worker has left."""

import os
import statistics
import time

import optuna
from optuna.trial import TrialState

from src.sweep.trial import Sweep


class JobTime:
    """Of the job that this process is: made when it starts.

    The limit is the launcher's `timeout_min`, less `signal_delay_s`, when the job is told to stop.
    """

    def __init__(self, sweep: Sweep) -> None:
        launcher = sweep.config.hydra.launcher
        # From 22.05 on SLURM says when; before, the lines of `setup` take from the time.
        started = float(os.environ.get("SLURM_JOB_START_TIME") or time.time())
        self.ends = started + 60 * launcher.get("timeout_min", 0) - (launcher.get("signal_delay_s") or 0)

    def is_left_for_another(self, study: optuna.Study) -> bool:
        """Whether a trial, if it takes as long as most have, would end in time."""
        complete = study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        times = [trial.duration.total_seconds() for trial in complete if trial.duration]
        return time.time() + (statistics.median(times) if times else 0.0) < self.ends
