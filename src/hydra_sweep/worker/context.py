import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field

import optuna

from hydra_sweep.space.compose import Composer
from hydra_sweep.space.lookback import Lookback
from hydra_sweep.space.untried import Tried
from hydra_sweep.study import failure_rate, queue
from hydra_sweep.study.promotion import make_rungs
from hydra_sweep.study.retry import patiently
from hydra_sweep.study.stop_rules import StopRules
from hydra_sweep.study.trials import Trials
from hydra_sweep.sweep import Sweep
from hydra_sweep.worker.known import Known
from hydra_sweep.worker.rank import Rank
from hydra_sweep.worker.siblings import Siblings
from hydra_sweep.worker.slots import FixedSlots
from hydra_sweep.worker.stop import Stop

log = logging.getLogger(__name__)

# the study's attribute: the workers that a supervisor has told to end, and that are not to be run again
ENDING = "ending"


@dataclass
class JobContext:
    """What a worker's parts share: the job that they are in, the study that it has open, and the trials as
    they were when it last claimed one. `siblings` are its other tasks, where there are any."""

    id: str
    rank: Rank
    siblings: Siblings | None
    stop: Stop
    sweep: Sweep
    composer: Composer
    study: optuna.Study
    # as it was before the worker's own `hydra.job.env_set`
    environ: Mapping[str, str]
    slots: FixedSlots
    trials: Trials = field(init=False)
    tried: Tried = field(init=False)
    lookback: Lookback = field(init=False)
    known: Known = field(init=False)
    stop_rules: StopRules = field(init=False)

    def __post_init__(self) -> None:
        settings = self.sweep.settings
        rungs = make_rungs(settings)
        self.trials = Trials(self.study, settings.n_trials, False, settings.stop, rungs)
        self.stop_rules = StopRules(self.trials, self.sweep.share)
        self.tried = Tried(self.sweep.space, self.trials)
        self.lookback = Lookback(self.trials, self.sweep.space.distributions, self.sweep.earlier)
        self.known = Known(self.sweep, self.composer)

    @property
    def storage(self) -> optuna.storages.BaseStorage:
        return self.study._storage

    def check_siblings(self) -> None:
        """Ends this worker where another task of its job has ended: its part of all trials is missing.
        The supervisor finds the worker lost."""
        if self.siblings and self.siblings.one_ended():
            log.error("Worker %s: another of its tasks has died", self.id)
            os._exit(1)

    def is_to_end(self) -> bool:
        """Whether there is nothing more for this worker to do, though trials wait."""
        told = self.id in patiently(lambda: self.study.user_attrs).get(ENDING, [])
        return told or self.stop.mistaken or self.too_many_failed()

    def too_many_failed(self) -> bool:
        return bool(patiently(failure_rate.too_many, self.trials.read(), self.sweep.settings))

    def trials_wait(self) -> bool:
        return patiently(queue.any_left, self.trials.read())
