import pytest
from optuna.trial import TrialState

from hydra_sweep.facts.compute import compute
from hydra_sweep.facts.timeline import timeline
from tests.hydra_sweep.facts.studies import seen, trial

WHOLE = [trial({}, 1.0, curve=[1.0] * 10, took=20.0) for _ in range(3)]


def pruned(steps, took, **attrs):
    return trial({}, state=TrialState.PRUNED, curve=[1.0] * steps, took=took, **attrs)


PAUSED = [{"attempt": 0, "worker": "a", "begun": 0.0, "ended": 5.0, "why": "paused at step 3"}]
CASES = {
    "as fast as the others": ([*WHOLE, pruned(2, 4.0)], 16.0),
    "faster": ([*WHOLE, pruned(5, 5.0)], 5.0),
    "slow to start": ([*WHOLE, pruned(1, 30.0)], 18.0),
    "put back, so that its time is not that of its steps": ([*WHOLE, pruned(5, 1.0, attempt=1)], 10.0),
    "gone on from a rung": ([*WHOLE, pruned(5, 5.0, attempt=1, attempts=PAUSED, spent_s=2.5)], 7.5),
    "beyond the others": ([*WHOLE, pruned(12, 24.0)], 0.0),
    "none pruned": (WHOLE, 0.0),
    "none complete": ([pruned(2, 4.0)], None),
    "no steps": ([trial({}, 1.0), pruned(2, 4.0)], None),
    "no number": ([*WHOLE, trial({}, state=TrialState.PRUNED, reason="the metric is nan")], 0.0),
    "nothing": ([], 0.0),
}


@pytest.mark.parametrize(("trials", "saved"), CASES.values(), ids=CASES)
def test_what_pruning_saved(trials, saved):
    one = seen(trials)
    found = compute(one, timeline(one))
    assert found["saved_s"] == (saved if saved is None else pytest.approx(saved))
    assert found["saved_words"].endswith(".")
