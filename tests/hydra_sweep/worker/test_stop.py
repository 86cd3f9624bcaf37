import time

import optuna
import pytest
from omegaconf import OmegaConf
from optuna.trial import TrialState

from hydra_sweep.study.trials import Trials
from hydra_sweep.worker.stop import JobTime


def study_of(*seconds: float) -> optuna.Study:
    """Of trials that took so long."""
    study = optuna.create_study()
    for one in seconds:
        trial = optuna.create_trial(state=TrialState.COMPLETE, value=1.0)
        trial.datetime_complete = trial.datetime_start.fromtimestamp(trial.datetime_start.timestamp() + one)
        study.add_trial(trial)
    return study


@pytest.mark.parametrize(
    ("ago", "seconds", "left"),
    [
        (0, (100, 100, 100), True),
        (45 * 60, (100, 100, 100), True),
        (57 * 60, (100, 100, 100), False),  # 3 minutes, of which the last is for checkpoints
        (57 * 60, (100, 100, 5, 5, 5), True),  # most end in time
        (57 * 60, (), True),  # none has ended yet
        (59.5 * 60, (), False),
    ],
)
def test_a_trial_is_begun_only_where_it_can_be_expected_to_end(monkeypatch, ago, seconds, left):
    monkeypatch.setenv("SLURM_JOB_START_TIME", str(time.time() - ago))
    launcher = OmegaConf.create({"timeout_min": 60, "signal_delay_s": 90})
    assert JobTime(launcher).is_left_for_another(Trials(study_of(*seconds), 9).read()) == left
