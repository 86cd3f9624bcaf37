import math
import random

import optuna
import pytest
from optuna.distributions import IntDistribution
from optuna.trial import TrialState

from hydra_sweep.facts.hint import Hint
from hydra_sweep.facts.seen import Seen
from hydra_sweep.facts.verdict import verdict
from tests.hydra_sweep.facts.studies import SPACE, seen, trial

BEST = "Trial 1 is the best: value 0.5 with lr=0.01, opt=adam."


def three(*values, **attrs):
    params = [{"model.lr": 0.1, "opt": "sgd"}, {"model.lr": 0.01, "opt": "adam"}, {"model.lr": 0.001}]
    return [trial(one, value, **attrs) for one, value in zip(params, values, strict=False)]


def retrained(value, spread):
    """The worst configuration four times more."""
    rng = random.Random(0)
    return [trial({"model.lr": 0.1, "opt": "sgd"}, value + rng.gauss(0, spread)) for _ in range(4)]


CASES = {
    "nothing": ([], "No trial has a result yet."),
    "queued": ([trial(state=TrialState.WAITING)], "No trial has a result yet."),
    "failed": ([trial()] * 3, "No trial has a result, and 3 failed"),
    "infeasible": (
        [trial({}, 1.0, constraints={"w < 3": 2.0}), trial({}, 1.0, constraints={"w < 3": 1.0})],
        "No trial keeps the constraints. Trial 1 comes closest: it breaks w < 3 by 1.",
    ),
    "one": ([trial({}, 0.5)], "Trial 0 is the best: value 0.5. There is no other to compare it with."),
    "not known": (
        three(0.9, 0.5, 0.7),
        f"{BEST} It leads the next by 0.2, and the median of 3 complete by 0.2. ",
    ),
    "sure": (
        [*three(0.9, 0.5, 0.7), *retrained(0.9, 0.01)],
        "The lead is more than luck: values are known to ±",
    ),
    "luck": ([*three(9.0, 0.5, 0.7), *retrained(9.0, 1.0)], "The lead is no more than luck"),
}


@pytest.mark.parametrize(("trials", "said"), CASES.values(), ids=CASES)
def test_which_by_how_much_sure_or_luck(trials, said):
    assert said in verdict(seen(trials), [])


def again(study: optuna.Study, runs: dict[float, list[float]]) -> None:
    """Has runs with fresh seeds beside the study, by their lr."""
    space = {**SPACE, "seed": IntDistribution(0, 99)}
    beside = optuna.create_study(study_name=f"{study.study_name}_confirm", storage=study._storage)
    for trial_ in study.trials:
        for seed, value in enumerate(runs.get(trial_.params["model.lr"], ())):
            beside.add_trial(trial({**trial_.params, "seed": seed}, value, space=space))


def test_the_winner_is_the_one_that_was_confirmed():
    """The best of the search was lucky."""
    first = seen(three(0.9, 0.5, 0.7))
    again(first.study, {0.01: [0.9, 1.0, 0.95, math.inf], 0.001: [0.7, 0.71, 0.69]})
    made = Seen(first.study)
    assert [one.number for one in made.best] == [2, 1, 0]
    said = verdict(made, [])
    assert said.startswith(
        "Trial 2 is the best: value 0.7 with lr=0.001, the mean of 3 runs with fresh seeds. "
        "It leads the next by 0.25"
    )
    assert "The lead is more than luck" in said
    assert "from runs of the best with fresh seeds" in said


def test_repeats_tell_what_is_luck():
    def repeated(mean, spread):
        return {"repeats": [[mean - spread], [mean], [mean + spread]]}

    params = [{"model.lr": 0.1}, {"model.lr": 0.01}]
    for spread, word in ((0.001, "is more than"), (0.5, "is no more than")):
        made = [trial(p, v, **repeated(v, spread)) for p, v in zip(params, (0.7, 0.5), strict=True)]
        said = verdict(seen(made), [])
        assert f"The lead {word} luck" in said
        assert "repeats differ" in said


def test_of_a_front():
    made = seen([trial({}, [1.0, 2.0]), trial({}, [2.0, 1.0]), trial({}, [3.0, 3.0])], ["minimize"] * 2)
    assert verdict(made, []).startswith("2 trials are the best, each in its own way")
    made = seen([trial({}, [1.0, 2.0]), trial({}, [3.0, 3.0])], ["minimize"] * 2)
    assert verdict(made, []).startswith("Trial 0 is the best in each of value 0 and value 1.")


def test_what_next():
    done, hint = three(0.9, 0.5, 0.7), Hint("edge", "Better values of lr may lie beyond", "…", None)
    assert verdict(seen(done, n_trials=3), [hint]).endswith(
        "Next, see the hint: Better values of lr may lie beyond."
    )
    assert verdict(seen(done, n_trials=3), []).endswith("other seeds before you rely on it.")
    assert verdict(seen(done, n_trials=5), [hint]).endswith("2 trials of 5 are yet to end.")


@pytest.mark.parametrize(
    ("curve", "said"),
    [
        # the best so far of a noisy metric: how noisy it is cannot be seen
        ([0.9, 0.8, 0.8, 0.75, 0.6, 0.6, 0.6, 0.5], "is not known"),
        ([0.9, 0.8, 0.7, 0.65, 0.6, 0.57, 0.55, 0.5], "is not known"),
        ([0.9, 0.5, 0.52, 0.49, 0.53, 0.48, 0.51, 0.5], "is more than luck"),
    ],
)
def test_a_curve_that_only_falls_does_not_tell_what_is_luck(curve, said):
    trials = [trial({"model.lr": lr}, value, curve=curve) for lr, value in ((0.1, 0.5), (0.2, 0.9))]
    one = seen(trials, started_workers={"started with": {"slots": 1}})
    assert said in verdict(one, [])
    assert ("add hydra.sweeper.confirm.top=2 to the same command" in verdict(one, [])) == ("not" in said)
