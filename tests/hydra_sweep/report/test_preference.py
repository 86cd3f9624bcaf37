from types import SimpleNamespace

import pytest
from omegaconf import OmegaConf
from optuna import create_trial
from optuna.study import StudyDirection

from hydra_sweep.errors import SweepError
from hydra_sweep.report.preference import check_preference, ends_of, preferred_first

METRICS = ["acc", "latency"]
DIRECTIONS = [StudyDirection.MAXIMIZE, StudyDirection.MINIMIZE]
FRONT = [create_trial(values=values) for values in ([0.9, 100.0], [0.8, 20.0], [0.5, 10.0], [0.9, 100.0])]
for number, one in enumerate(FRONT):
    one.number = number


@pytest.mark.parametrize(
    ("prefer", "first"),
    [
        (None, 1),
        ({"acc": 10, "latency": 1}, 0),
        ({"acc": 1, "latency": 10}, 2),
        ({"latency": 1}, 2),
        (["acc", "latency"], 0),
        (["latency"], 2),
    ],
)
def test_the_preferred_of_a_front(prefer, first):
    ranked = preferred_first(FRONT, DIRECTIONS, METRICS, prefer)
    assert ranked[0].number == first
    assert sorted(one.number for one in ranked) == [0, 1, 2, 3]


@pytest.mark.parametrize("prefer", [None, {"acc": 1}, ["acc"]])
def test_fronts_of_none_and_one(prefer):
    for front in ([], FRONT[:1]):
        assert preferred_first(front, DIRECTIONS, METRICS, prefer) == front


def test_the_ends_of_a_front():
    assert [one.number for one in ends_of(FRONT, DIRECTIONS)] == [0, 2]


@pytest.mark.parametrize(
    ("prefer", "message"),
    [
        ({"ac": 1}, "Did you mean acc?"),
        (["latenc"], "Did you mean latency?"),
        ({"acc": 0}, "prefer.acc: expected a number above 0, got 0"),
        ({"acc": "much"}, "got 'much'"),
        ("acc", "expected weights such as {acc: 2, latency: 1}, or an order such as [acc, latency]"),
        ([], "expected weights"),
        (5, "got 5"),
    ],
)
def test_mistakes_are_told(prefer, message):
    settings = SimpleNamespace(prefer=prefer, directions=["maximize", "minimize"])
    sweep = SimpleNamespace(settings=settings, config=OmegaConf.create({"optimized_metric": METRICS}))
    with pytest.raises(SweepError) as caught:
        check_preference(sweep)
    assert message in str(caught.value)


def test_one_metric_is_no_choice():
    settings = SimpleNamespace(prefer=["acc"], directions=["maximize"])
    with pytest.raises(SweepError, match="expected several metrics"):
        check_preference(SimpleNamespace(settings=settings, config=OmegaConf.create({})))
