import multiprocessing
import time
from contextlib import suppress
from pathlib import Path

import optuna
import pytest
from optuna.distributions import CategoricalDistribution
from optuna.storages import JournalStorage
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.study import queue
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.study.storage import StudyAddress
from hydra_sweep.study.trials import Trials

JOURNAL_NODE = {
    "_target_": "optuna.storages.JournalStorage",
    "log_storage": {"_target_": "optuna.storages.journal.JournalFileBackend"},
}


@pytest.fixture(params=["journal", "journal node", "sqlite", "sqlite node", "postgresql"])
def address(request, tmp_path: Path) -> StudyAddress:
    storage = None
    if request.param == "journal node":
        file = {"file_path": str(tmp_path / "study.log")}
        storage = {**JOURNAL_NODE, "log_storage": {**JOURNAL_NODE["log_storage"], **file}}
    if request.param.startswith("sqlite"):
        storage = f"sqlite:///{tmp_path}/study.db"
    if request.param == "sqlite node":
        storage = {"_target_": "optuna.storages.RDBStorage", "url": storage}
    if request.param == "postgresql":
        storage = request.getfixturevalue("postgres").new_database()
    return StudyAddress("toy", tmp_path / "sweep", storage)


@pytest.fixture
def study(address: StudyAddress) -> optuna.Study:
    study = address.create(["maximize"], {"made": "here"})
    queue.fill(study, 3, None, {})
    return study


def is_other(address: StudyAddress) -> bool:
    """Whether the storage is neither our journal nor a database."""
    return isinstance(address.load()._storage, JournalStorage) and address.storage is not None


def states(study: optuna.Study) -> list[str]:
    return [trial.state.name for trial in study.trials]


def claim(study: optuna.Study, n_trials: int, worker: str = "one") -> FrozenTrial | None:
    return queue.claim(Trials(study, n_trials).read(), worker)


POINTS = [{"x": value} for value in "abcde"]
SPACE = {"x": CategoricalDistribution(list("abcde"))}


def test_the_points_of_a_grid_wait_once(address):
    study = address.create(["maximize"], {"made": "here"})
    for n_trials in (3, 3, 5):
        queue.fill(study, n_trials, POINTS, SPACE)
        assert states(address.load()) == ["WAITING"] * n_trials
        assert address.load().user_attrs == {"made": "here", "n_trials": n_trials}
    assert [claim(study, 5).params for _ in POINTS] == POINTS
    assert claim(study, 5) is None


def test_trials_are_claimed_in_order_and_within_the_budget(study):
    assert [claim(study, 2).number for _ in range(2)] == [0, 1]
    assert claim(study, 2) is None
    assert states(study) == ["RUNNING", "RUNNING"]
    assert {trial.user_attrs["worker"] for trial in study.trials} == {"one"}
    assert claim(study, 3).number == 2, "the budget was enlarged"


def test_what_waits_comes_before_what_was_not_begun(study):
    first = claim(study, 3)
    claim(study, 3)
    queue.put_back(study, first, "killed")
    assert claim(study, 3, "other").number == 0
    assert study.trials[0].user_attrs["worker"] == "other"
    assert claim(study, 3).number == 2


def test_there_come_to_be_no_more_than_there_are_to_be(address, study):
    one, other = (Trials(a_study, 1).read() for a_study in (study, address.load()))
    assert queue.claim(one, "one").number == 0
    assert queue.claim(other, "other") is None, "it had read that there is none yet"
    if is_other(address):
        assert study.trials[1].state == TrialState.WAITING
        assert not study.trials[1].user_attrs["worker"]
    else:
        assert states(study) == ["RUNNING"]
    assert claim(study, 1) is None
    assert claim(study, 2).number == 1


def test_no_trial_is_begun_in_a_study_that_was_stopped(address, study):
    claims = [claim(study, 3) for _ in range(2)]
    address.load().stop()
    assert claim(study, 3) is None
    queue.put_back(study, claims[0], "killed")
    trials = Trials(study, 3).read()
    assert queue.any_left(trials)
    assert queue.n_left(trials) == 2
    assert queue.claim(trials, "one").number == 0
    assert not queue.any_left(trials.read())
    assert claim(study, 4).number == 2, "more were asked for"


def test_a_trial_put_back_keeps_all_but_its_attempt(study):
    claimed = claim(study, 3)
    trial = optuna.Trial(study, claimed._trial_id)
    x = trial.suggest_float("x", 0, 1)
    trial.report(0.5, step=0)
    assert queue.put_back(study, claimed, "killed", max_retries=3) == TrialState.WAITING
    again = claim(study, 3)
    assert again.number == claimed.number == 0
    assert queue.attempt_of(again) == 1
    assert again.intermediate_values == {0: 0.5}
    assert optuna.Trial(study, again._trial_id).suggest_float("x", 0, 1) == x


def test_a_late_speaker_is_not_heard(study):
    first = claim(study, 3)
    queue.put_back(study, first, "believed dead", max_retries=3)
    assert not queue.tell(study, first, Outcome(TrialState.COMPLETE, [0.1]))
    second = claim(study, 3)
    assert not queue.tell(study, first, Outcome(TrialState.COMPLETE, [0.1]))
    assert queue.tell(study, second, Outcome(TrialState.COMPLETE, [0.9]))
    assert not queue.tell(study, first, Outcome(TrialState.FAIL))
    assert study.trials[0].values == [0.9]


def test_after_max_retries_a_lost_trial_fails(study):
    for attempt in range(3):
        state = queue.put_back(study, claim(study, 1), "killed (SIGKILL)", max_retries=2)
        assert state == (TrialState.WAITING if attempt < 2 else TrialState.FAIL)
    assert study.trials[0].state == TrialState.FAIL
    assert "SIGKILL" in study.trials[0].user_attrs["reason"]
    assert claim(study, 1) is None


def test_stops_without_progress_count_in_a_row(study):
    claimed = claim(study, 3)
    trial = optuna.Trial(study, claimed._trial_id)
    assert queue.stalls(study, claimed) == 0
    trial.report(0.5, step=0)
    assert [queue.stalls(study, claimed) for _ in range(3)] == [0, 1, 2]
    trial.set_user_attr("step", 7)
    assert [queue.stalls(study, claimed) for _ in range(3)] == [0, 1, 2]


def test_a_result_told_while_the_trial_is_put_back_is_thrown_away(study, monkeypatch):
    claimed = claim(study, 3)
    put_back_meanwhile = iter([True, False])
    monkeypatch.setattr(queue, "is_ours", lambda *_: next(put_back_meanwhile))
    study._storage.set_trial_state_values(claimed._trial_id, TrialState.WAITING)
    assert not queue.tell(study, claimed, Outcome(TrialState.COMPLETE, [0.1]))
    assert states(study) == ["WAITING"]


def test_what_an_attempt_said_of_itself_is_forgotten_with_it(study):
    claimed = claim(study, 3)
    study._storage.set_trial_user_attr(claimed._trial_id, "reason", "no such metric")
    queue.put_back(study, study.trials[0], "killed")
    again = claim(study, 3)
    queue.tell(study, again, Outcome(TrialState.COMPLETE, [0.1]))
    assert not study.trials[0].user_attrs["reason"]


def test_each_attempt_is_kept_once_wherever_its_end_was_cut_off(study, monkeypatch):
    """Killed after each of the writes that put a trial back, and put back again by who finds it."""
    write = study._storage.set_trial_user_attr
    for n_written in range(5):
        left = iter(range(n_written))

        def cut_off(*arguments, left=left):
            if next(left, None) is None:
                raise InterruptedError
            write(*arguments)

        claimed = claim(study, 9, f"worker {n_written}")
        with monkeypatch.context() as patched, suppress(InterruptedError):
            patched.setattr(study._storage, "set_trial_user_attr", cut_off)
            queue.put_back(study, claimed, "killed")
        queue.put_back(study, study.trials[claimed.number], "worker lost")
        trial = study.trials[claimed.number]
        (kept,) = trial.user_attrs[queue.ATTEMPTS]
        assert (kept["attempt"], kept["worker"]) == (0, f"worker {n_written}")
        assert kept["begun"] == claimed.datetime_start.timestamp() <= kept["ended"] <= time.time()
        assert trial.state == TrialState.WAITING
        queue.tell(study, claim(study, 9), Outcome(TrialState.COMPLETE, [0.1]))


def test_of_many_attempts_the_newest_are_kept(study, monkeypatch):
    monkeypatch.setattr(queue, "KEPT_ATTEMPTS", 2)
    for worker in "abcd":
        queue.put_back(study, claim(study, 1, worker), "preempted")
    kept = study.trials[0].user_attrs[queue.ATTEMPTS]
    assert [(one["attempt"], one["worker"], one["why"]) for one in kept] == [
        (2, "c", "preempted"),
        (3, "d", "preempted"),
    ]


def _claim_and_put_back(address: StudyAddress, claimed: multiprocessing.Queue) -> None:
    study = address.load()
    for _ in range(20):
        if trial := claim(study, 2):
            claimed.put((trial.number, queue.attempt_of(trial)))
            queue.put_back(study, trial, "killed")
        else:
            time.sleep(0.001)
    claimed.put(None)


def test_of_trials_that_are_put_back_no_attempt_is_claimed_twice(address):
    """An owner of a trial that was put back is not told that it owns what another has claimed since."""
    queue.fill(address.create(["maximize"], {}), 2, None, {})
    fork = multiprocessing.get_context("fork")
    claimed = fork.Queue()
    workers = [fork.Process(target=_claim_and_put_back, args=(address, claimed)) for _ in range(4)]
    for worker in workers:
        worker.start()
    said = [claimed.get(timeout=60)]
    while said.count(None) < len(workers):
        said.append(claimed.get(timeout=60))
    for worker in workers:
        worker.join(60)
    claims = [one for one in said if one]
    assert len(claims) > 20
    assert len(set(claims)) == len(claims)


N_TRIALS = 60


def _empty(address: StudyAddress, claimed: multiprocessing.Queue) -> None:
    study = address.load()
    while (trial := claim(study, N_TRIALS)) is not None:
        claimed.put(trial.number)
        queue.tell(study, trial, Outcome(TrialState.COMPLETE, [1.0]))


def test_processes_that_empty_a_queue_claim_each_trial_once(address):
    queue.fill(address.create(["maximize"], {}), N_TRIALS, None, {})
    fork = multiprocessing.get_context("fork")
    claimed = fork.Queue()
    workers = [fork.Process(target=_empty, args=(address, claimed)) for _ in range(4)]
    for worker in workers:
        worker.start()
    numbers = sorted(claimed.get(timeout=60) for _ in range(N_TRIALS))
    for worker in workers:
        worker.join(60)
    assert numbers == list(range(N_TRIALS))
    assert states(address.load())[:N_TRIALS] == ["COMPLETE"] * N_TRIALS
    if not is_other(address):
        assert len(address.load().trials) == N_TRIALS
