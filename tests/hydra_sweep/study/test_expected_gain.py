import math

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study.expected_gain import ExpectedGain
from hydra_sweep.study.repeats import REPEATS


def trial(value: float | None, *repeats: float) -> FrozenTrial:
    """Without a value it was pruned."""
    state = TrialState.PRUNED if value is None else TrialState.COMPLETE
    return optuna.create_trial(state=state, value=value, user_attrs={REPEATS: [[one] for one in repeats]})


def learned(trials: list[FrozenTrial], maximize: bool = False, feasible: bool = True) -> ExpectedGain:
    gain = ExpectedGain(maximize)
    for one in trials:
        gain.learn(one, feasible)
    return gain


def drawn(n: int, scale: float = 1.0, seed: int = 0) -> list[FrozenTrial]:
    return [trial(-value) for value in np.random.default_rng(seed).exponential(scale, n)]


BETTER_AND_BETTER = [trial(1 - i / 40) for i in range(40)]
FLAT = [trial(0.5 + i % 2 * 1e-6) for i in range(40)]


@pytest.mark.parametrize(
    ("trials", "n_trials", "least", "most"),
    [
        (drawn(19), 100, None, None),  # too few to say
        ([trial(None)] * 40, 100, None, None),
        (drawn(100), 100, 0, 0),  # none is left
        (drawn(100), 200, 0.5, 1.2),  # ln(2), of such a tail
        (drawn(100, 0.01), 200, 0.005, 0.012),
        (drawn(100), 110, 0.05, 0.2),
        (FLAT, 100, 0, 1e-6),
        (BETTER_AND_BETTER, 80, 0.49, 0.51),  # what the last half has brought, once more
        ([trial(None)] * 20 + drawn(20), 80, math.inf, math.inf),  # nothing was known in the first half
    ],
)
def test_the_gain_is_what_is_left(trials, n_trials, least, most):
    gain = learned(trials).of(n_trials)
    assert gain is None if least is None else least <= gain <= most
    turned = [trial(None if one.value is None else -one.value) for one in trials]
    assert learned(turned, maximize=True).of(n_trials) == gain


def test_what_has_paused_was_tried_as_what_was_pruned():
    best = drawn(20)
    pruned = [one for each in best for one in (each, *[trial(None)] * 3)]
    assert learned(best).of(160, n_paused=60) == pytest.approx(learned(pruned).of(160))
    assert learned(best[:8]).of(160) is None
    assert learned(best[:8]).of(160, n_paused=60) < learned(best[:8]).of(160, n_paused=12)


def test_it_is_an_estimate_of_what_comes():
    """Of trials that are as if drawn alike, on average."""
    expected, came = [], []
    for seed in range(100):
        trials = drawn(80, seed=seed)
        expected.append(learned(trials[:40]).of(80))
        came.append(min(t.value for t in trials[:40]) - min(t.value for t in trials))
    assert 1 <= np.mean(expected) / np.mean(came) < 2


def test_what_breaks_a_constraint_is_no_best():
    assert learned(drawn(50), feasible=False).of(100) is None


def test_noise_is_what_the_repeats_of_the_best_differ_by():
    quiet = [trial(0.1, 0.0, 0.1, 0.2)] * 10
    loud = [trial(9.0, 0.0, 9.0, 18.0)] * 30
    assert learned([*quiet, *loud]).noise() == pytest.approx(0.1 / math.sqrt(3))
    assert learned([trial(0.0), *quiet, *loud]).noise() == pytest.approx(0.1 / math.sqrt(3)), "of one added"
    for nothing_known in ([], drawn(1), drawn(40)):
        assert math.isnan(learned(nothing_known).noise())
