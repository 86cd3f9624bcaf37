"""Syne Tune's random search and CQR, asked by our simulation. Runs in an environment of Syne Tune's own.

Standard input is a Plan in JSON; it prints a line of JSON for each sweep.
"""

import json
import logging
import random
import sys
from dataclasses import asdict
from datetime import datetime
from functools import partial

import numpy as np
from syne_tune.backend.trial_status import Trial
from syne_tune.config_space import choice, randint
from syne_tune.optimizer.baselines import CQR, RandomSearch
from syne_tune.optimizer.scheduler import TrialScheduler

from scripts.search.simulation import Contestant, Plan, run
from scripts.search.tables import Config, Table


class SyneTuneSearch:
    def __init__(self, scheduler: type[TrialScheduler], metric: dict, table: Table, seed: int) -> None:
        for generator in (random, np.random):  # both draw from the global ones too
            generator.seed(seed)
        space = {
            name: randint(0, one.size - 1) if one.ordered else choice(list(range(one.size)))
            for name, one in table.space.items()
        }
        self.names = list(space)
        self.scheduler = scheduler(space, **metric, do_minimize=True, random_seed=seed)
        self.trials: list[Trial] = []

    def propose(self, number: int, worker: int) -> Config:
        config = self.scheduler.suggest().config
        self.trials.append(Trial(number, config, datetime.now()))
        self.scheduler.on_trial_add(self.trials[-1])
        return tuple(config[name] for name in self.names)

    def tell(self, number: int, loss: float, seconds: float) -> None:
        self.scheduler.on_trial_complete(self.trials[number], {"loss": loss})


CONTESTANTS = {
    "syne-tune-random": Contestant(partial(SyneTuneSearch, RandomSearch, {"metrics": ["loss"]})),
    "syne-tune-cqr": Contestant(partial(SyneTuneSearch, CQR, {"metric": "loss"})),
}


def main() -> None:
    logging.disable(logging.WARNING)
    for key, sweep in run(Plan(**json.load(sys.stdin)), CONTESTANTS):
        print(json.dumps([key, asdict(sweep)]), flush=True)


if __name__ == "__main__":
    main()
