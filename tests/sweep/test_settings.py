import pytest

from src.sweep.errors import SweepError
from src.sweep.settings import Settings

VALID = {"sampler": {}, "pruner": {}, "study_name": "toy"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_trial": 3}, "Did you mean n_trials?"),
        ({"study_name": None}, "study_name is not set"),
        ({"direction": "maximise"}, "Did you mean maximize?"),
        ({"n_trials": 0}, "whole number from 1 up, got 0"),
        ({"n_jobs": "two"}, "got 'two'"),
        ({"slots": 1.5}, "got 1.5"),
        ({"max_failure_rate": 1.5}, "from 0 to 1, got 1.5"),
        ({"snapshot": "yes"}, "snapshot: expected true or false, got 'yes'"),
        ({"max_retries": -1}, "from 0 up, got -1"),
    ],
)
def test_mistakes_are_named(changed, message):
    with pytest.raises(SweepError) as caught:
        Settings.parse({**VALID, **changed})
    assert message in str(caught.value)


def test_directions():
    assert Settings.parse({**VALID, "direction": "maximize"}).directions == ["maximize"]
    both = ["maximize", "minimize"]
    assert Settings.parse({**VALID, "direction": both}).directions == both
