"""The time left against simulated sweeps."""

import heapq
import random
from datetime import datetime, timedelta
from statistics import median

import optuna
import pytest
from optuna.trial import TrialState

from hydra_sweep.report import time_left as module
from hydra_sweep.report.time_left import Life, TimeLeft, time_left

# how long a trial takes, in seconds and steps
KINDS = {
    "equal": lambda draw: (100.0, 0),
    "log-normal": lambda draw: (100 * draw.lognormvariate(0, 0.5), 0),
    "pruned": lambda draw: draw.choices([(12.5, 1), (25.0, 2), (100.0, 8)], [5, 2, 3])[0],
    "of many paces": lambda draw: (8 * draw.choice([5.0, 10, 20, 40]), 8),
    "pruned, of many paces": lambda draw: (
        (steps := draw.choice([1, 1, 2, 8])) * draw.choice([5.0, 10, 20, 40]),
        steps,
    ),
}


def sweep(kind: str, seed: int, n: int, slots: int) -> list[tuple[float, float, int]]:
    """Begin, end and steps of each trial."""
    draw, free, trials = random.Random(seed), [0.0] * slots, []
    for _ in range(n):
        seconds, steps = KINDS[kind](draw)
        begin = free[0]
        heapq.heapreplace(free, begin + seconds)
        trials.append((begin, begin + seconds, steps))
    return trials


def error(trials: list[tuple[float, float, int]], slots: int) -> float:
    """At half-time, by how much what is said of the rest is too long."""
    end = max(end for _, end, _ in trials)
    now = end / 2
    ended = [Life(e - b, steps) for b, e, steps in trials if e <= now]
    running = [Life(now - b, int(s * (now - b) / (e - b))) for b, e, s in trials if b <= now < e]
    return time_left(ended, running, len(trials) - len(ended) - len(running), slots) / (end - now)


@pytest.mark.parametrize("kind", KINDS)
def test_at_half_time_it_is_within_a_factor(kind):
    """The fewer are left the more is chance, whatever one knows: of 40 trials only the median is judged."""
    for n, slots, least in ((40, 4, 0.0), (200, 8, 0.8), (300, 30, 0.8)):
        errors = [error(sweep(kind, seed, n, slots), slots) for seed in range(30)]
        assert 1 / 1.3 < median(errors) < 1.3
        assert sum(1 / 1.3 < one < 1.3 for one in errors) >= least * 30, sorted(errors)


def trial(state: TrialState, seconds: float) -> optuna.trial.FrozenTrial:
    values = 1.0 if state == TrialState.COMPLETE else None
    made = optuna.create_trial(state=state, value=values)
    made.datetime_start = datetime.now() - timedelta(seconds=seconds)
    return made


def test_it_is_said_once_there_is_a_ground_for_it_and_does_not_jump(monkeypatch):
    now = 1000.0
    monkeypatch.setattr(module.time, "monotonic", lambda: now)
    left, running = TimeLeft(), [trial(TrialState.RUNNING, 5.0)]
    pruned = [trial(TrialState.PRUNED, 1.0) for _ in range(4)]
    assert left.of([], running, 3, 1) is None
    assert left.of([optuna.create_trial(value=1.0)], running, 3, 1) is None  # added, not trained
    assert left.of(pruned, running, 3, 1) is None
    ended = [trial(TrialState.COMPLETE, 10.0) for _ in range(8)]
    first = left.of(ended, running, 3, 1)
    assert first == pytest.approx(35, rel=0.05)
    now += 4
    assert left.of(ended, running, 300, 1) == pytest.approx(first - 4)
    now += 2
    assert first < left.of(ended, running, 300, 1) < 0.4 * 3000
