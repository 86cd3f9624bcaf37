from types import SimpleNamespace
from unittest.mock import Mock

import optuna
import pytest

from hydra_sweep.settings import Settings
from hydra_sweep.study import queue
from hydra_sweep.study.trials import Trials
from hydra_sweep.supervisor.supervisor import Supervisor


@pytest.mark.parametrize(("named", "asked_for"), [([], None), (["a"], 1), (["a", "b"], 2)])
def test_no_worker_is_started_for_a_trial_that_has_lost_its_own_before_he_named_himself(named, asked_for):
    """It is put back in time; workers that find nothing meanwhile would end the sweep."""
    study = optuna.create_study()
    study.ask()  # claimed by who died before he put his name to it
    for worker in named:
        study.ask().set_user_attr(queue.WORKER, worker)
    settings = Settings(sampler={}, pruner={}, study_name="toy", n_trials=len(named) + 1, n_jobs=9)
    workers = Mock(running=lambda ids: set(ids))
    supervisor = Supervisor(SimpleNamespace(settings=settings), study, workers, look_on=lambda: None)
    supervisor.stop_rules = Mock()
    assert supervisor._look(Trials(study, settings.n_trials), progress=Mock()) == len(named) + 1
    assert [call.args[0] for call in workers.keep.call_args_list] == ([asked_for] if asked_for else [])
