from types import SimpleNamespace
from unittest.mock import Mock

import optuna
import pytest
from optuna.trial import TrialState

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


@pytest.mark.parametrize(("living", "states"), [([], "WR"), (["b"], "RR")])
def test_what_was_claimed_and_not_named_is_not_waited_for_where_nobody_lives(living, states):
    study = optuna.create_study()
    study.ask()
    study.ask().set_user_attr(queue.WORKER, "a")  # which the launcher is asked about, twice
    settings = Settings(sampler={}, pruner={}, study_name="toy", n_trials=2)
    supervisor = Supervisor(
        SimpleNamespace(settings=settings), study, SimpleNamespace(ids=living), look_on=lambda: None
    )
    supervisor._put_back_nameless(Trials(study, 2).read())
    assert "".join(trial.state.name[0] for trial in study.trials) == states


@pytest.mark.parametrize(("was_cancelled", "state"), [(True, TrialState.WAITING), (False, TrialState.FAIL)])
def test_a_cancelled_worker_is_no_loss_of_its_trial(was_cancelled, state):
    """SLURM kills what has not ended some seconds after a scancel, of a slow worker the trial too."""
    study = optuna.create_study()
    study.ask().set_user_attr(queue.WORKER, "a")
    settings = Settings(sampler={}, pruner={}, study_name="toy", n_trials=1, max_retries=0)
    workers = Mock(running=lambda ids: set(), was_cancelled=lambda worker: was_cancelled, second_look_s=0)
    supervisor = Supervisor(SimpleNamespace(settings=settings), study, workers, look_on=lambda: None)
    supervisor._put_back_lost(Trials(study, 1).read())
    assert study.trials[0].state == state
