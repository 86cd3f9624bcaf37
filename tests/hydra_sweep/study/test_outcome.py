import pytest
from hydra.errors import InstantiationException
from optuna import TrialPruned
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState

from hydra_sweep.errors import ConfigurationError
from hydra_sweep.study.outcome import of_error, of_return


@pytest.mark.parametrize(
    ("returned", "n_objectives", "state", "values"),
    [
        (0.5, 1, TrialState.COMPLETE, [0.5]),
        (3, 1, TrialState.COMPLETE, [3.0]),
        ("0.25", 1, TrialState.COMPLETE, [0.25]),
        ([1, 2.5], 2, TrialState.COMPLETE, [1.0, 2.5]),
        (float("nan"), 1, TrialState.PRUNED, None),
        (float("-inf"), 1, TrialState.PRUNED, None),
        ([1.0, float("nan")], 2, TrialState.PRUNED, None),
        (None, 1, TrialState.FAIL, None),
        ("good", 1, TrialState.FAIL, None),
        ([1.0], 2, TrialState.FAIL, None),
        (1.0, 2, TrialState.FAIL, None),
    ],
)
def test_what_a_task_returns(returned, n_objectives, state, values):
    outcome = of_return(returned, n_objectives)
    assert (outcome.state, outcome.values) == (state, values)
    assert bool(outcome.reason) == (state != TrialState.COMPLETE)


class OutOfMemoryError(RuntimeError):
    """torch's is told by its name."""


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (TrialPruned("after epoch 3"), TrialState.PRUNED, "after epoch 3"),
        (OutOfMemoryError("CUDA out of memory"), TrialState.PRUNED, "memory"),
        (MemoryError(), TrialState.PRUNED, "memory"),
        (ValueError("no\nsuch thing"), TrialState.FAIL, "ValueError: no"),
    ],
)
def test_what_a_task_raises(error, state, reason):
    outcome = of_error(error)
    assert outcome.state == state
    assert reason in outcome.reason
    assert bool(outcome.traceback) == (state == TrialState.FAIL)


def test_the_machine_and_the_storage_are_to_blame_and_not_the_trial():
    full = of_error(RuntimeError("(sqlite3.OperationalError) database or disk is full"))
    assert (full.state, full.mistake) == (TrialState.WAITING, True)  # as it would be for all trials
    silent = of_error(StorageInternalError("An exception is raised during the commit."))
    assert (silent.state, silent.mistake) == (TrialState.WAITING, False)


def test_a_wrapped_error_is_told_as_what_it_came_of():
    """Hydra says of whatever a `_target_` raises that there was an error in the call."""

    def wrapped(cause):
        try:
            raise InstantiationException(f"Error in call to target 'a.B':\n{cause!r}") from cause
        except InstantiationException as error:
            return of_error(error)

    assert "ValueError('sizes differ')" in wrapped(ValueError("sizes differ")).reason
    assert wrapped(ConfigurationError("no such metric")).mistake
    assert wrapped(OSError("No space left on device")).state == TrialState.WAITING
    assert wrapped(MemoryError()).state == TrialState.PRUNED


def test_passwords_stay_out_of_what_is_recorded():
    outcome = of_error(ValueError("API request to https://me:planted@host/api failed"))
    assert "me:***@host" in outcome.reason
    assert "planted" not in outcome.reason + outcome.traceback
