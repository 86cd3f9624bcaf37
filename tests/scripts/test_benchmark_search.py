import json
from dataclasses import asdict

import pytest

from scripts import benchmark_search
from scripts.benchmark_search import collect, verdicts
from scripts.search.figures import Figure
from scripts.search.simulation import Plan, Sweep

SWEEP = Sweep([1.0, 0.5], [0.2, 0.1], [1.0, 2.0])
KEYS = [("ours", 4, "a/a", 0), ("random", 4, "a/a", 0)]


@pytest.fixture
def ran(monkeypatch):
    """The keys that were run."""
    keys = []

    def sweep_all(plan):
        keys.extend(plan.keys)
        yield from ((key, SWEEP) for key in plan.keys)

    monkeypatch.setattr(benchmark_search, "sweep_all", sweep_all)
    return keys


def test_what_the_file_has_is_not_run_again(tmp_path, ran):
    file = tmp_path / "sweeps"
    file.write_text(json.dumps([KEYS[0], asdict(SWEEP)]) + "\n")
    plan = Plan("", KEYS, n_trials=2)
    for _ in range(2):
        assert collect(plan, file) == dict.fromkeys(KEYS, SWEEP)
    assert ran == [KEYS[1]]


def test_a_sweep_of_other_length_is_run_again(tmp_path, ran):
    file = tmp_path / "sweeps"
    file.write_text(json.dumps([KEYS[0], asdict(Sweep([1.0], [0.2], [1.0]))]) + "\n")
    assert collect(Plan("", KEYS[:1], n_trials=2), file) == {KEYS[0]: SWEEP}
    assert ran == KEYS[:1]


def test_without_a_file(ran):
    assert collect(Plan("", KEYS, n_trials=2), None) == dict.fromkeys(KEYS, SWEEP)


def test_verdicts():
    rows = {
        "surely better": {"20 trials": Figure(0.01, 0.5, 0.3, 0.9, 1, 1, 1)},
        "perhaps better": {"100 trials": Figure(0.01, 0.5, 0.3, 1.1, 1, 1, 1)},
        "hydra-optuna-sweeper": {
            "60 trials": Figure(0.01, 0.9, 0.3, 1.6, 0, 1, 1),
            "time of 60": Figure(0.01, 1.4, 0.3, 1.6, 0, 1, 1),
        },
    }
    assert [*verdicts(rows)] == [
        "surely better finds more than ours after 20 trials: 1.00% · 0.50 (0.30 to 0.90) · 1",
        "hydra-optuna-sweeper over ours after the time of 60: 1.40; the aim is 1.3 or more",
        "hydra-optuna-sweeper over ours after 60 trials: 0.90; the aim is 1.3 or more",
    ]
