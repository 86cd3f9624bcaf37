from dataclasses import replace

import optuna
import pytest
from optuna.trial import TrialState

from hydra_sweep.space.constraints import Constraint, parse_constraint
from hydra_sweep.study.outcome import Outcome
from hydra_sweep.worker.judged import judged

COMPLETE = Outcome(TrialState.COMPLETE, [0.75])


def constraint(text: str, *told: str) -> Constraint:
    return replace(parse_constraint(text), told=frozenset(told))


CONSTRAINTS = (
    constraint("width < 10"),
    constraint("test/latency * width <= 40", "test/latency"),
    constraint("val/acc > 0.5", "val/acc"),
)


def judge(outcome: Outcome, known: dict[str, float], **told: object) -> Outcome:
    study = optuna.create_study()
    study.set_user_attr("metric", "val/acc")
    trial = study.ask()
    for name, value in told.items():
        trial.set_user_attr(name.replace("_", "/"), value)
    return judged(outcome, CONSTRAINTS, known, study, study.trials[0])


@pytest.mark.parametrize(
    ("outcome", "known", "told", "distances"),
    [
        (COMPLETE, {"width": 8}, {"test_latency": 6.0}, [-2, 8, -0.25]),
        (COMPLETE, {}, {"test_latency": 6.0}, [0, 0, -0.25]),  # a trial that has no width
        (Outcome(TrialState.PRUNED), {"width": 8}, {}, [-2, None, None]),
        (Outcome(TrialState.FAIL), {"width": 8}, {"test_latency": 6.0}, [None] * 3),
        (Outcome(TrialState.WAITING), {"width": 8}, {"test_latency": 6.0}, [None] * 3),
    ],
)
def test_an_outcome_has_what_it_breaks_as_far_as_is_known(outcome, known, told, distances):
    found = judge(outcome, known, **told)
    assert [found.constraints.get(one.text) for one in CONSTRAINTS] == distances
    assert replace(found, constraints={}) == outcome


@pytest.mark.parametrize("told", [{}, {"test_latenc": 6.0}, {"test_latency": "fast"}])
def test_a_complete_trial_that_has_not_told_is_everybodys_mistake(told):
    found = judge(COMPLETE, {"width": 8}, **told)
    assert found.mistake
    assert found.state == TrialState.WAITING, "it is kept"
    assert "the trial has told no test/latency." in found.reason
    assert ("Did you mean test/latenc?" in found.reason) == ("test_latenc" in told)
