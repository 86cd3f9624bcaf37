"""The lines of what has happened between two looks."""

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from hydra_sweep.launcher.state import Job, JobState
from hydra_sweep.report.changes import Changes
from hydra_sweep.study import pausing, queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.trials import Trials

RUNNING = Job(JobState.RUNNING, "RUNNING")
PENDING = Job(JobState.QUEUED, "PENDING (Priority)")
WAITS = Job(JobState.QUEUED, "PENDING (QOSMaxJobsPerUserLimit)")


class Sweep:
    def __init__(self, n_trials: int = 3) -> None:
        self.study = optuna.create_study()
        self.trials = Trials(self.study, n_trials)
        self.changes = Changes(self.trials)
        self.look({})

    def look(self, jobs: dict[str, Job]) -> list[str]:
        self.trials.read()
        return [change.text for change in self.changes.look(jobs)]

    def begin(self, worker: str) -> optuna.trial.FrozenTrial:
        claimed = queue.claim(self.trials.read(), worker)
        storage, x = self.study._storage, FloatDistribution(0, 1)
        storage.set_trial_param(claimed._trial_id, "x", 0.25, x)
        return storage.get_trial(claimed._trial_id)


def pause(sweep: Sweep, claimed: optuna.trial.FrozenTrial, step: int) -> None:
    storage = sweep.study._storage
    storage.set_trial_intermediate_value(claimed._trial_id, step, 0.5)
    pausing.pause(sweep.study, storage.get_trial(claimed._trial_id), {})


def test_each_pause_is_told_also_of_who_ran_only_between_two_looks():
    sweep = Sweep()
    seen = sweep.begin("a")
    sweep.look({"a": RUNNING})
    for claimed in (sweep.begin("b"), seen):
        pause(sweep, claimed, 1)
    said = sweep.look({"a": RUNNING})
    assert [line.partition(" with")[0] for line in said] == [f"trial {i} paused at step 1" for i in (0, 1)]
    assert said[1].endswith("x=0.25")
    assert sweep.look({"a": RUNNING}) == []


def test_a_trial_from_its_start_to_its_end():
    sweep = Sweep()
    queue.claim(sweep.trials, "a")
    assert sweep.look({"a": RUNNING}) == ["worker a started"]  # it has no parameters yet
    trial = sweep.begin("b")
    assert sweep.look({"a": RUNNING, "b": RUNNING}) == [
        "worker b started",
        "trial 1 started on worker b: x=0.25",
    ]
    queue.put_back(sweep.study, trial, "killed (SIGKILL)", max_retries=3)
    again = sweep.begin("a")
    assert sweep.look(dict.fromkeys("ab", RUNNING)) == [
        "trial 1 put back, attempt 2 follows: killed (SIGKILL) on worker b",
        "trial 1 starts attempt 2 on worker a: x=0.25",
    ]
    queue.tell(sweep.study, again, Outcome(TrialState.FAIL, reason="ValueError: no"))
    brief = sweep.begin("b")
    queue.tell(sweep.study, brief, Outcome(TrialState.COMPLETE, [0.5]))
    assert sweep.look(dict.fromkeys("ab", RUNNING)) == [
        "trial 1 failed (ValueError: no) in 0:00",
        "trial 2 done 0.5 in 0:00 on worker b: x=0.25",
    ]
    assert sweep.look(dict.fromkeys("ab", RUNNING)) == []


def test_a_lost_worker_is_told_with_what_happened_to_it_and_what_follows():
    sweep = Sweep()
    trial = sweep.begin("a")
    sweep.look({"a": RUNNING})
    dead = Job(JobState.ENDED, "NODE_FAIL")
    assert sweep.look({"a": dead}) == []  # it is to be told twice
    queue.put_back(sweep.study, trial, queue.LOST, max_retries=3)
    assert sweep.look({"a": dead}) == ["trial 0 put back, attempt 2 follows: worker a was lost (NODE_FAIL)"]
    assert sweep.look({"b": PENDING}) == ["worker a was lost (NODE_FAIL)", "worker b pending in place of a"]
    assert sweep.look({"b": RUNNING}) == ["worker b started"]
    assert sweep.look({"b": WAITS}) == ["worker b pending (QOSMaxJobsPerUserLimit)"]


@pytest.mark.parametrize(
    ("last", "told"),
    [
        (Job(JobState.ENDED), "worker a ended"),
        (Job(JobState.ENDED, "COMPLETED"), "worker a ended"),
        (Job(JobState.ENDED, "TIMEOUT"), "worker a was lost (TIMEOUT)"),
        (Job(JobState.CANCELLED, "CANCELLED"), "worker a was lost (by someone else: CANCELLED)"),
        (Job(JobState.HELD, "SPECIAL_EXIT"), "worker a was lost (held, so cancelled: SPECIAL_EXIT)"),
    ],
)
def test_how_a_worker_ends(last, told):
    sweep = Sweep()
    sweep.look({"a": RUNNING})
    sweep.look({"a": last})
    assert sweep.look({}) == [told]


def test_a_worker_that_tells_its_last_result_and_goes_is_not_lost():
    sweep = Sweep()
    trial = sweep.begin("a")
    sweep.look({"a": Job(JobState.RUNNING)})
    queue.tell(sweep.study, trial, Outcome(TrialState.COMPLETE, [0.5]))
    assert sweep.look({}) == ["worker a ended", "trial 0 done 0.5 in 0:00"]


def test_a_thousand_workers_have_a_line_together():
    sweep, workers = Sweep(), [f"7_{i}" for i in range(1000)]
    assert sweep.look(dict.fromkeys(workers, PENDING)) == ["1000 workers pending: 7_0, 7_1 … 7_999"]
    resources = Job(JobState.QUEUED, "PENDING (Resources)")
    assert sweep.look(dict.fromkeys(workers, resources)) == []
    some = {**dict.fromkeys(workers, resources), **dict.fromkeys(workers[:2], RUNNING)}
    assert sweep.look(some) == ["worker 7_0 started", "worker 7_1 started"]
