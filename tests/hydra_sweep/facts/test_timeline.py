import pytest
from optuna.trial import TrialState

from hydra_sweep.facts.attempts import word
from hydra_sweep.facts.timeline import timeline
from tests.hydra_sweep.facts.studies import START, seen, trial

T = START.timestamp()


def of(trials, slots=None):
    known = {} if slots is None else {"started_workers": {"started with": {"slots": slots}}}
    made = timeline(seen(trials, **known))
    return made, {
        key: [(one.trial, one.begun - T, one.ended and one.ended - T) for one in lane]
        for key, lane in made.lanes.items()
    }


def run(begun, took=10.0, worker="a", **more):
    return trial({}, 1.0, begun=begun, took=took, worker=worker, **more)


def test_trials_side_by_side_have_a_slot_each_and_gaps_are_idle():
    trials = [run(0), run(0, 25), run(10), run(40, 5), run(3, worker="b"), run(30, 8)]
    made, lanes = of(trials, slots=2)
    assert lanes == {
        ("a", 0): [(0, 0, 10), (2, 10, 20), (5, 30, 38), (3, 40, 45)],
        ("a", 1): [(1, 0, 25)],
        ("b", 0): [(4, 3, 13)],
    }
    gaps = [(worker, slot, begin - T, end - T) for worker, slot, begin, end in made.shown_gaps()]
    assert gaps == [("a", 0, 20, 30), ("a", 0, 38, 40), ("a", 1, 25, 45)]
    assert (made.trained_s, made.idle_s) == (68, 32)
    assert made.busy == pytest.approx(0.68)


def test_each_attempt_is_where_it_was():
    kept = [{"attempt": 0, "worker": "a", "begun": T, "ended": T + 5, "why": "worker lost"}]
    again = run(20, worker="b", attempts=kept, attempt=1)
    waits = trial(state=TrialState.WAITING, attempts=kept, attempt=1)
    made, lanes = of([again, waits], slots=2)
    assert lanes == {("a", 0): [(0, 0, 5)], ("a", 1): [(1, 0, 5)], ("b", 0): [(0, 20, 30)]}
    first, last = made.lanes["a", 0][0], made.lanes["b", 0][0]
    assert (first.how, first.note, first.attempt) == ("put back", "worker lost", 0)
    assert (last.how, last.attempt) == ("complete", 1)


def test_a_pause_is_none_that_was_put_back():
    kept = [{"attempt": 0, "worker": "a", "begun": T, "ended": T + 5, "why": "paused at step 3"}]
    rests = trial({}, state=TrialState.WAITING, attempts=kept, attempt=1, curve=[1.0] * 3, paused=3)
    made, lanes = of([rests], slots=1)
    assert lanes == {("a", 0): [(0, 0, 5)]}
    assert [(one.how, one.note) for one in made.lanes["a", 0]] == [("paused", "step 3")]
    assert word(rests) == "paused"


@pytest.mark.parametrize("slots", [1, "auto"])
def test_what_is_claimed_ahead_waits_for_its_slot(slots):
    _, lanes = of([run(0, 1), run(0.25, 1.75), run(1.125, 2)], slots=slots)
    assert lanes == {("a", 0): [(0, 0, 1), (1, 1, 2), (2, 2, 3.125)]}


def test_what_runs_has_no_end_yet():
    made, lanes = of([run(0), trial({}, state=TrialState.RUNNING, begun=10.0, worker="a")], slots=1)
    assert lanes == {("a", 0): [(0, 0, 10), (1, 10, None)]}
    assert made.trained_s == pytest.approx(made.at - T)


def test_of_another_program_no_worker_and_no_idleness_is_known():
    made, lanes = of([run(0, 1, worker=None), run(0.5, worker=None), run(100, worker=None)])
    assert lanes == {(None, 0): [(0, 0, 1), (2, 100, 110)], (None, 1): [(1, 0.5, 10.5)]}
    assert (made.busy, made.gaps()) == (None, [])


def test_what_was_not_trained_here_is_not_there():
    added = run(0, worker=None, added="by hand")
    nameless = trial({}, state=TrialState.RUNNING, worker=None)
    made, lanes = of([added, nameless, trial(state=TrialState.WAITING)], slots=1)
    assert (lanes, made.trained_s, made.busy, made.shown_gaps()) == ({}, 0, None, [])
