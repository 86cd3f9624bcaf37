import pytest
from omegaconf import OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings

VALID = {"sampler": {"_target_": "any"}, "pruner": {"_target_": "any"}, "study_name": "toy"}


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"n_trial": 3}, "Did you mean n_trials?"),
        ({"study_name": None}, "study_name is not set"),
        ({"study_name": ".."}, "neither . nor .."),
        ({"sampler": 5}, "sampler: expected a _target_, got 5"),
        ({"pruner": None}, "pruner: expected a _target_, got None"),
        ({"params": [1]}, "params: expected lines such as key: choice(a,b), got [1]"),
        ({"when": "a=b"}, "when: expected lines such as key: model=mlp, got 'a=b'"),
        ({"prior": 5}, "prior: expected lines such as key: 0.001, got 5"),
        ({"timeout": 60, "wait": False}, "timeout=60 with wait=false"),
        ({"direction": "maximise"}, "Did you mean maximize?"),
        ({"n_trials": 0}, "whole number from 1 up, got 0"),
        ({"n_jobs": "two"}, "got 'two'"),
        ({"slots": 1.5}, "got 1.5"),
        ({"slots": "many"}, "slots: expected a whole number from 1 up, or auto, got 'many'."),
        ({"n_jobs": "auto"}, "n_jobs: expected a whole number from 1 up, got 'auto'."),
        ({"max_failure_rate": 1.5}, "from 0 to 1, got 1.5"),
        ({"snapshot": "yes"}, "snapshot: expected true or false, got 'yes'"),
        ({"max_retries": -1}, "from 0 up, got -1"),
        ({"timeout": 0}, "timeout: expected a number from 1 up, got 0"),
        ({"constraints": [3]}, "constraints: expected texts such as 'model.width < 500', got [3]"),
        ({"constraints": {"x": 3}}, "got {'x': 3}"),
        ({"measures": ["a.b"]}, "measures: expected lines such as model.params: package.function"),
        ({"stop": 5}, "stop: expected lines such as patience: 30, got 5"),
        ({"stop": {"patience": 0}}, "stop.patience: expected a whole number from 1 up, got 0"),
        ({"stop": {"patience": 1.5}}, "got 1.5"),
        ({"stop": {"gpu_hours": -1}}, "stop.gpu_hours: expected a number from 0 up, got -1"),
        (
            {"stop": {"goal": 1}},
            "Unknown key of hydra.sweeper.stop 'goal'. Valid: expected_gain, gpu_hours",
        ),
        ({"stop": {"target": 1}, "direction": ["minimize"] * 2}, "stop.target: expected one metric"),
        ({"confirm": 3}, "confirm: expected lines such as top: 3, got 3"),
        ({"confirm": {"top": 0}}, "confirm.top: expected a whole number from 1 up, got 0"),
        ({"confirm": {"top": 3, "seeds": 1}}, "confirm.seeds: expected a whole number from 2 up, got 1"),
        ({"confirm": {"best": 3}}, "Unknown key of hydra.sweeper.confirm 'best'. Valid: key, seeds, top"),
        ({"repeats": 0}, "repeats.n: expected a whole number from 1 up, got 0"),
        ({"repeats": True}, "repeats.n: expected a whole number from 1 up, got True"),
        ({"repeats": {"k": 3}}, "Unknown key of hydra.sweeper.repeats 'k'. Valid: key, n"),
        ({"repeats": {"n": 3, "key": None}}, "repeats.key: expected where the configuration has its seed"),
        ({"confirm": {"top": 3, "key": 5}}, "confirm.key: expected where the configuration has its seed"),
        ({"stop": {"expected_gain": "nois"}}, "expected a number from 0 up, or noise, got 'nois'."),
        (
            {"stop": {"expected_gain": 1}, "direction": ["minimize"] * 2},
            "expected_gain: expected one metric",
        ),
        ({"dry_run": 2}, "dry_run: expected true or false, got 2"),
    ],
)
def test_mistakes_are_named(changed, message):
    with pytest.raises(SweepError) as caught:
        Settings.parse({**VALID, **changed})
    assert message in str(caught.value)


def test_a_studys_name_may_be_a_number():
    assert Settings.parse({**VALID, "study_name": 20250101}).study_name == "20250101"


def test_slots_that_are_not_known_yet_are_one_at_least():
    assert [Settings.parse({**VALID, "slots": slots}).least_slots for slots in (3, "auto")] == [3, 1]


def test_limits_are_plain_values():
    stop = OmegaConf.create({"target": None, "patience": 3})
    settings = Settings.parse({**VALID, "constraints": "x < 3", "stop": stop, "measures": None})
    assert (settings.constraints, settings.stop, settings.measures) == (("x < 3",), {"patience": 3}, {})


@pytest.mark.parametrize(
    ("asked", "repeats"),
    [
        (None, {}),
        (1, {}),
        ({"n": 1, "key": "s"}, {}),
        (3, {"n": 3, "key": "seed"}),
        ({"n": 3, "key": "s"}, {"n": 3, "key": "s"}),
    ],
)
def test_repeats_are_a_number_or_more(asked, repeats):
    assert Settings.parse({**VALID, "repeats": asked}).repeats == repeats


def test_directions():
    assert Settings.parse({**VALID, "direction": "maximize"}).directions == ["maximize"]
    both = ["maximize", "minimize"]
    assert Settings.parse({**VALID, "direction": both}).directions == both
