import math
import random

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import FloatDistribution
from optuna.trial import TrialState

from hydra_sweep.facts.hints import hints
from hydra_sweep.facts.importance import importance
from hydra_sweep.facts.seen import Seen
from hydra_sweep.facts.timeline import timeline
from tests.hydra_sweep.facts.studies import WORDS, drawn, searched, seen, trial

MEDIAN = {"_target_": "optuna.pruners.MedianPruner", "n_warmup_steps": 2}
ASHA = {
    "_target_": "optuna.pruners.SuccessiveHalvingPruner",
    "min_resource": 1,
    "reduction_factor": 3,
}
NONE = {"_target_": "optuna.pruners.NopPruner"}


def started(**known):
    return {"started with": {"slots": 1, **known}}


def inside(params):
    """Best in the middle of each range, and all of them matter."""
    of_choice = {"adam": 0.0, "sgd": 1.0, "none": 2.0}
    return (
        (math.log10(params["model.lr"]) + 2) ** 2
        + ((params["model.width"] - 50) / 25) ** 2
        + of_choice[params["opt"]]
    )


def at_low_end(params):
    return inside(params) + 10 * math.log10(params["model.lr"])


def at_high_end(params):
    return inside(params) - params["model.width"] / 2


def never_sgd(params):
    return inside(params) + (100 if params["opt"] == "sgd" else 0)


def only_lr(params):
    return (math.log10(params["model.lr"]) + 2) ** 2


def repeated(spread):
    """Three configurations four times each, whose values differ by `spread`."""
    rng = random.Random(2)
    each = [{"model.lr": lr, "model.width": 50, "opt": "adam"} for lr in (0.01, 0.02, 0.9)]
    values = {0.01: 0.1, 0.02: 0.15, 0.9: 3.0}
    return [trial(p, values[p["model.lr"]] + rng.gauss(0, spread)) for _ in range(4) for p in each]


def curves(of_winner, others=12, last=0.5):
    """A winner, and others whose values fall from 1 to 0.5; pruned ones too."""
    rest = [[1.0 - 0.05 * step + i / 1000 for step in range(10)] for i in range(others)]
    made = [trial({"model.lr": 0.01}, 0.5 + i / 1000, curve=curve) for i, curve in enumerate(rest)]
    made.append(trial({"model.lr": 0.02}, state=TrialState.PRUNED, curve=[2.0, 2.0, 2.0]))
    return [*made, trial({"model.lr": 0.03}, of_winner[-1], curve=of_winner)]


LATE = [3.0, 2.0, 1.5, 1.2, 1.0, 0.9, 0.8, 0.5, 0.2, 0.1]
MIDDLE = [3.0, 2.0, 1.5, 1.2, 0.7, 0.6, 0.5, 0.4, 0.2, 0.1]
EARLY = [0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.15, 0.1]


def waiting(seconds):
    return [trial({"model.lr": 0.1 + i / 100}, i, begun=(10 + seconds) * i, worker="a") for i in range(20)]


ZERO = {"drop": FloatDistribution(0.0, 0.5), "x": FloatDistribution(0.0, 1.0)}


def no_drop(params):
    return params["drop"] + (params["x"] - 0.5) ** 2


DESERVED = {
    "edge low": ("edge", searched(60, at_low_end), {}, "'model.lr=tag(log, interval(1e-05, 1.0))'"),
    "edge high": ("edge", searched(60, at_high_end), {}, "'model.width=int(interval(1, 199))'"),
    "choice": ("choice", drawn(80, never_sgd), {}, "'opt=choice(adam, none)' hydra.sweeper.study=new"),
    "unimportant": ("unimportant", drawn(300, only_lr), {}, "hydra.sweeper.study=new"),
    "repeats": ("noise", repeated(0.2), {}, "hydra.sweeper.confirm.top=5"),
    "median": ("pruner", curves(MIDDLE), {"pruner": MEDIAN}, "hydra.sweeper.pruner.n_warmup_steps=5"),
    "asha": ("pruner", curves(LATE), {"pruner": ASHA}, "hydra.sweeper.pruner.min_resource=4"),
    "nearly until the end": ("pruner", curves(LATE), {"pruner": MEDIAN}, "hydra/sweeper/pruner=none"),
    "none": ("pruner", curves(LATE), {"pruner": NONE}, "hydra.sweeper.pruner.min_resource=9"),
    "idle": ("idle", waiting(5.0), {}, None),
}
HEALTHY = {
    "inside": (drawn(80, inside), {}),
    "inside, searched": (searched(60, inside), {}),
    "few": (drawn(6, at_low_end), {}),
    "one": (drawn(1, inside), {}),
    "a natural end": (searched(60, no_drop, ZERO), {}),
    "repeats that agree": (repeated(0.0001), {}),
    "an early winner": (curves(EARLY), {"pruner": MEDIAN}),
    "a late winner within the warm-up": (curves(LATE), {"pruner": {**MEDIAN, "n_warmup_steps": 9}}),
    "few to compare with": (curves(LATE, others=6), {"pruner": ASHA}),
    "busy": (waiting(0.1), {}),
}


def found(one: Seen):
    return hints(one, importance(one)[0], timeline(one))


@pytest.mark.parametrize(("kind", "trials", "known", "do"), DESERVED.values(), ids=DESERVED)
def test_a_hint_that_is_deserved(kind, trials, known, do):
    one = seen(trials, space=WORDS, started_workers=started(**known), n_trials=len(trials))
    hint, *others = sorted(found(one), key=lambda hint: hint.kind != kind)
    assert hint.kind == kind
    assert {hint.kind for hint in others} <= {"unimportant", "edge"}  # which may come of the same
    assert (hint.do or "").endswith(do or "")
    for word in (do or "").replace("'", "").split(" hydra.")[:1]:
        OverridesParser.create().parse_overrides([word] if word else [])


@pytest.mark.parametrize(("trials", "known"), HEALTHY.values(), ids=HEALTHY)
def test_no_hint_without_cause(trials, known):
    one = seen(trials, space=WORDS, started_workers=started(**known), n_trials=len(trials))
    assert found(one) == []


def test_no_hint_of_several_objectives():
    trials = [trial(t.params, [t.value, -t.value]) for t in searched(40, at_low_end)]
    assert found(seen(trials, ["minimize", "minimize"], space=WORDS)) == []


def test_the_noise_of_a_curve():
    rng = random.Random(1)
    made = [
        trial({"model.lr": 0.01 * i}, c[-1], curve=c)
        for i in range(1, 9)
        if (c := [0.5 + 0.05 * rng.gauss(0, 1) for _ in range(20)])
    ]
    made.append(trial({"model.lr": 0.5}, sorted(t.value for t in made)[0] - 0.001, curve=[0.5]))
    assert [hint.kind for hint in found(seen(made))] == ["noise"]


def test_who_was_stopped_ahead_of_the_winner_is_named():
    stopped = trial({"model.lr": 0.04}, state=TrialState.PRUNED, curve=[1.0, 0.9, 0.8])
    one = seen([*curves([3.0, 2.0, 1.5, 0.3, *EARLY[4:]]), stopped], started_workers=started(pruner=ASHA))
    (hint,) = (hint for hint in found(one) if hint.kind == "pruner")
    assert "1 trial that was ahead of it there came no further: 14." in hint.text


def test_a_range_that_depends_on_another_is_not_widened():
    words = {**WORDS, "model.width": "int(interval(1, ${model.depth}))"}
    one = seen(searched(60, at_high_end), space=words, started_workers=started())
    assert [hint.do for hint in found(one) if hint.kind == "edge"] == [None]


def test_hints_of_the_space_of_another_program():
    one = seen(searched(60, at_high_end))
    assert [hint.do for hint in found(one) if hint.kind == "edge"] == [None]
