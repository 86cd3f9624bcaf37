"""Syne Tune: its ASHA, which draws at random, and two workers of its LocalBackend: a trial is a process."""

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend import LocalBackend
from syne_tune.config_space import choice, loguniform
from syne_tune.optimizer.baselines import ASHA
from syne_tune.optimizer.scheduler import TrialSuggestion

from scripts.peers.common_trials import common_trials
from scripts.peers.loop import CHOICES, LR, N_JOBS, Search


class BoundedASHA(ASHA):
    """Proposes so many trials: a StoppingCriterion lets two start where two end at once."""

    def __init__(self, trials: int, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.left = trials

    def suggest(self) -> TrialSuggestion | None:
        if not self.left:
            return None
        self.left -= 1
        return super().suggest()


def main() -> None:
    search = Search.from_arguments()
    os.environ["SYNETUNE_FOLDER"] = search.folder  # else in the home
    space = {name: choice(values) for name, values in CHOICES.items()} | {"lr": loguniform(*LR)}
    scheduler = BoundedASHA(
        search.trials,
        space | asdict(search),
        metric="best",
        do_minimize=False,
        time_attr="epoch",
        max_t=search.epochs,
        grace_period=1,
        reduction_factor=3,
        random_seed=search.seed,
        points_to_evaluate=common_trials(search.seed, search.trials, LR, CHOICES),
    )
    tuner = Tuner(
        LocalBackend(str(Path(__file__).with_name("syne_tune_trial.py")), rotate_gpus=False),
        scheduler,
        StoppingCriterion(),  # none
        n_workers=N_JOBS,
        sleep_time=0.1,  # between two looks at the trials: the default is 5 s
        trial_backend_path=search.folder,
        save_tuner=False,
    )
    tuner.run()


if __name__ == "__main__":
    main()
