"""Asynchronous successive halving, as arXiv:1810.05934 has it."""

import math
import time
from collections.abc import Callable
from datetime import datetime
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState, create_trial

from hydra_sweep.by_hand import changes
from hydra_sweep.pruners import AshaPruner
from hydra_sweep.space.lookback import Lookback
from hydra_sweep.study import pausing, queue
from hydra_sweep.study.live_trial import LiveTrial
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.promotion import Rungs, as_pruned, is_paused
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials

MOST = 9  # epochs of a trial


def made(curve: list[float], state: str) -> optuna.trial.FrozenTrial:
    """One that has reported the values at steps 1, 2, …"""
    attrs = {"worker": None, "attempt": 1}
    if state in ("paused", "promoted"):
        attrs |= {"paused": len(curve)} | ({"promoted": len(curve)} if state == "promoted" else {})
    states = {"paused": "WAITING", "promoted": "RUNNING"}
    state = TrialState[states.get(state, state)]
    trial = create_trial(state=state, value=1.0 if state == TrialState.COMPLETE else None)
    trial.user_attrs, trial.intermediate_values = attrs, dict(enumerate(curve, start=1))
    return trial


@pytest.mark.parametrize(
    ("curves", "arguments", "goes_on"),
    [
        ([], {}, []),
        ([([3], "paused"), ([2], "paused")], {}, []),  # the best third of two is none
        ([([3], "paused"), ([2], "paused"), ([1], "paused")], {}, [2]),
        ([([3], "paused"), ([2], "paused"), ([1], "paused")], {"direction": "maximize"}, [0]),
        ([([3], "paused"), ([2], "paused"), ([1], "promoted")], {}, []),  # it did so already
        ([([n], "paused") for n in range(6)], {}, [0, 1]),
        ([([n], "paused") for n in range(6)], {"reduction_factor": 2}, [0, 1, 2]),
        ([([n], "paused") for n in range(6)], {"bootstrap_count": 6}, []),
        ([([n], "paused") for n in range(6)], {"min_resource": 2}, []),  # none has come so far
        # of equal ones the first
        ([([1], "paused")] * 3, {}, [0]),
        # what was pruned, runs or is complete has come there, too
        ([([3], "paused"), ([5], "PRUNED"), ([4, 4], "RUNNING")], {}, [0]),
        ([([3], "paused"), ([5] * MOST, "COMPLETE"), ([4], "WAITING")], {}, [0]),
        ([([3], "paused"), ([5], "FAIL"), ([4], "PRUNED")], {}, []),
        # from the highest rung down
        (
            [([1], "paused"), *[([7 - n] * 3, "paused") for n in range(3)], ([9], "PRUNED")] * 2,
            {},
            [3, 8, 0, 5],
        ),
        # one that reports seldom has passed over a rung
        ([([2] * 4, "paused"), ([3] * 3, "paused"), ([4] * 3, "PRUNED")], {}, [0]),
        # what is no number is the worst, and never goes on
        ([([math.nan], "paused"), ([3], "paused"), ([4], "paused")], {}, [1]),
        ([([math.nan], "paused"), ([math.inf], "paused"), ([math.inf], "paused")], {}, []),
    ],
)
def test_the_best_third_of_a_rung_go_on_once(curves, arguments, goes_on):
    direction = arguments.pop("direction", "minimize")
    pruner = AshaPruner(**arguments, promote=True)
    study = optuna.create_study(direction=direction)
    for curve, state in curves:
        study.add_trial(made(curve, state))
    rungs = Rungs(pruner, study.direction)
    trials = Trials(study, len(curves), rungs=rungs).read()
    trials.read()  # again, which is to change nothing
    assert [trial.number for trial in rungs.promotable(trials.paused())] == goes_on
    # and who comes there is told the same
    for trial in trials.paused():
        if trial.last_step >= pruner.step(0):
            assert pruner.prune(study, trial) == (trial.number not in goes_on)


def reference(curve: Callable[[int, int], float], n: int, factor: int) -> list[tuple[int, int]]:
    """Algorithm 2 of the paper, with one worker: the trial and the step of each job."""
    steps = [factor**k for k in range(10) if factor**k < MOST] + [MOST]
    rungs: list[dict[int, float]] = [{} for _ in steps]
    promoted: list[set[int]] = [set() for _ in steps]
    jobs: list[tuple[int, int]] = []
    begun = 0
    while True:
        for k in reversed(range(len(steps) - 1)):
            best = sorted(rungs[k], key=rungs[k].get)[: len(rungs[k]) // factor]
            if candidates := [one for one in best if one not in promoted[k]]:
                trial, rung = candidates[0], k + 1
                promoted[k].add(trial)
                break
        else:
            if begun == n:
                return jobs
            trial, rung, begun = begun, 0, begun + 1
        rungs[rung][trial] = curve(trial, steps[rung])
        jobs.append((trial, steps[rung]))


class Simulated:
    """A sweep in which nothing is trained: a trial reports its curve, from where it was."""

    def __init__(
        self, study: optuna.Study, n_trials: int, curve: Callable, pruner: AshaPruner, rules: Any = None
    ) -> None:
        study.pruner = pruner
        self.study, self.curve = study, curve
        self.trials = Trials(study, n_trials, rules=rules, rungs=Rungs(pruner, study.direction))
        self.jobs: list[tuple[int, int]] = []

    def run(self) -> "Simulated":
        while claimed := queue.claim(self.trials.read(), "one"):
            self.go_on(claimed)
        pausing.end_paused(self.trials.read())
        return self

    def go_on(self, claimed: optuna.trial.FrozenTrial) -> None:
        trial, asha = LiveTrial(self.study, claimed._trial_id), self.study.pruner
        for step in range((claimed.last_step or 0) + 1, MOST + 1):
            trial.report(self.curve(claimed.number, step), step)
            if step == MOST or step in map(asha.step, range(10)):
                self.jobs.append((claimed.number, step))
            if step < MOST and trial.should_prune():
                assert trial.is_to_pause
                assert pausing.pause(self.study, claimed, {})
                return
        queue.tell(self.study, claimed, Outcome(TrialState.COMPLETE, [self.curve(claimed.number, MOST)]))


def random_curves(seed: int) -> Callable[[int, int], float]:
    levels, noise = np.random.default_rng(seed).random((2, 200))
    return lambda number, step: levels[number] + noise[(number * 7 + step) % 200] / step


@pytest.mark.parametrize(
    ("seed", "n", "factor"), [(0, 60, 3), (1, 60, 3), (2, 40, 2), (3, 50, 4), (4, 30, 3)]
)
def test_one_worker_does_what_the_paper_says(seed, n, factor):
    curve, study = random_curves(seed), optuna.create_study()
    study.set_user_attr("n_trials", n)
    jobs = Simulated(study, n, curve, AshaPruner(1, factor, promote=True)).run().jobs
    assert jobs == reference(curve, n, factor)
    assert len(jobs) > n, "some are promoted"
    states = {state: [t for t in study.trials if t.state == state] for state in TrialState}
    assert {state.name for state, trials in states.items() if trials} == {"COMPLETE", "PRUNED"}
    for trial in states[TrialState.PRUNED]:
        assert trial.value == trial.intermediate_values[trial.last_step]
        assert trial.user_attrs["reason"] == f"paused at step {trial.last_step}, and not promoted"
    assert all(trial.last_step == MOST for trial in states[TrialState.COMPLETE])


@pytest.fixture(params=["journal", "sqlite", "postgresql"])
def study(request, tmp_path) -> optuna.Study:
    url = f"sqlite:///{tmp_path}/study.db" if request.param == "sqlite" else None
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres").new_database()
    return StudyAddress("toy", tmp_path / "sweep", url).create(["minimize"], {"n_trials": 4})


def test_of_few_trials_the_best_goes_on_to_its_end(study):
    """Four never make a third rung: without a complete one there would be no result."""
    sweep = Simulated(study, 4, lambda number, step: abs(number - 2.25), AshaPruner(promote=True)).run()
    assert [trial.state.name for trial in study.trials] == ["PRUNED", "PRUNED", "COMPLETE", "PRUNED"]
    assert [trial.last_step for trial in study.trials] == [1, 1, MOST, 1]
    assert sweep.jobs == [(0, 1), (1, 1), (2, 1), (2, 3), (3, 1), (2, 9)]
    assert study.trials[2].user_attrs.get("losses") is None
    assert study.trials[2].user_attrs["spent_s"] > 0


def test_what_a_pause_took_counts_once_though_the_storage_was_silent(study, monkeypatch):
    trials = Trials(study, 4, rungs=Rungs(AshaPruner(promote=True), study.direction))
    claimed = queue.claim(trials.read(), "one")
    LiveTrial(study, claimed._trial_id).report(0.5, step=1)
    time.sleep(0.05)

    write = study._storage.set_trial_user_attr

    def silent(trial_id: int, key: str, value: Any) -> None:
        if key == "paused":
            raise StorageInternalError
        write(trial_id, key, value)

    with monkeypatch.context() as patch:
        patch.setattr(study._storage, "set_trial_user_attr", silent)
        with pytest.raises(StorageInternalError):
            pausing.pause(study, claimed, {})
    assert pausing.pause(study, claimed, {})
    (trial,) = study.trials
    assert is_paused(trial)
    assert 0.05 <= trial.user_attrs["spent_s"] <= (datetime.now() - claimed.datetime_start).total_seconds()


def test_other_processes_see_who_has_paused_and_claim_each_once(study):
    pruner = AshaPruner(promote=True)
    one = Simulated(study, 4, lambda number, step: number, pruner)
    other = Trials(study, 4, running=False, rungs=Rungs(pruner, study.direction))
    for _ in range(3):
        claimed = queue.claim(one.trials.read(), "one")
        one.go_on(claimed)
    other.read()
    assert [trial.number for trial in other.paused()] == [0, 1, 2]
    assert other.counts()["paused"] == 3
    assert pausing.n_resting(other) == 2
    promoted = queue.claim(one.trials.read(), "one")
    assert promoted.number == 0
    # which was read before
    assert queue.claim(other, "other").number == 3
    one.go_on(promoted)
    assert queue.claim(other, "other") is None, "it has paused again, elsewhere"
    assert is_paused(study.trials[0])
    pausing.end_paused(other.read())  # a trial runs
    assert [trial.number for trial in other.paused()] == [0, 1, 2]
    assert other.open[0].last_step == 3


def test_who_went_on_at_once_is_judged_at_the_next_rung(study):
    study.pruner = AshaPruner(promote=True)
    trials = Trials(study, 4, rungs=Rungs(study.pruner, study.direction))
    live = [LiveTrial(study, queue.claim(trials.read(), "one")._trial_id) for _ in range(4)]
    for trial, value in zip(live, (3, 2, 1), strict=False):
        trial.report(value, step=1)
    assert not live[2].should_prune()
    live[3].report(0, step=1)
    live[2].report(1, step=2)
    assert not live[2].should_prune(), "it was among the best when it came"


@pytest.mark.parametrize("rules", [None, {"patience": 1}])
def test_what_stops_a_sweep(study, rules):
    """Rules, since enough was seen; that nothing is left to begin is no reason to promote nothing."""
    sweep = Simulated(study, 4, lambda number, step: number, AshaPruner(promote=True), rules)
    claimed = [queue.claim(sweep.trials.read(), "one") for _ in range(3)]
    for trial in reversed(claimed):
        sweep.go_on(trial)
    assert sweep.jobs == [(2, 1), (1, 1), (0, 1), (0, 3)], "the third is the best by then"
    study.stop("enough", rules)
    sweep.run()
    assert [trial.state.name for trial in study.trials] == [
        "PRUNED" if rules else "COMPLETE",
        *("PRUNED", "PRUNED"),
    ]


def test_samplers_learn_of_what_has_come_to_a_rung():
    study = optuna.create_study()
    for state in ("paused", "promoted", "RUNNING", "COMPLETE"):
        study.add_trial(made([0.5, 0.25], state))
    trials = Trials(study, 4, rungs=Rungs(AshaPruner(promote=True), study.direction))
    shown = Lookback(trials.read()).for_sampler(optuna.samplers.TPESampler())
    assert [trial.state.name for trial in shown] == ["PRUNED", "PRUNED", "RUNNING", "COMPLETE"]
    assert [trial.value for trial in shown] == [0.25, 0.25, None, 1.0]
    assert trials.n_results == 2, "what is complete, and what has paused"
    half_read = made([0.5], "paused")
    half_read.intermediate_values = {}
    assert as_pruned(half_read) is half_read


def test_what_is_retried_by_hand_comes_to_the_rungs_anew(tmp_path):
    address = StudyAddress("toy", tmp_path)
    study = address.create(["minimize"], {"n_trials": 4})
    Simulated(study, 4, lambda number, step: number, AshaPruner(promote=True)).run()
    changes.retry(study, [0, 1]).make(address)
    study = address.load()
    assert [is_paused(trial) for trial in study.trials[:2]] == [False, False]
    again = Simulated(study, 4, lambda number, step: -number, AshaPruner(promote=True)).run()
    # beside the others, which were pruned there
    assert again.jobs == [(0, 1), (0, 3), (1, 1), (1, 3), (1, 9)]
    assert [trial.last_step for trial in study.trials] == [3, 9, 1, 1]
