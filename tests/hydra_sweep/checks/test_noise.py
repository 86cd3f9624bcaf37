from dataclasses import dataclass, field

import pytest
from omegaconf import DictConfig, OmegaConf
from optuna.distributions import FloatDistribution, IntDistribution

from hydra_sweep.checks.noise import check_noise, with_pruner
from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space.fidelity import Fidelity
from hydra_sweep.space.search_space import SearchSpace


@dataclass(frozen=True)
class Toy:
    settings: Settings
    space: SearchSpace = field(default_factory=lambda: SearchSpace({"x": FloatDistribution(0, 1)}, []))
    config: DictConfig = field(default_factory=lambda: launched())
    fidelity: Fidelity | None = None


def launched(**options: int) -> DictConfig:
    return OmegaConf.create({"hydra": {"launcher": options}})


def settings(pruner: str = "MedianPruner", **others) -> Settings:
    nodes = {
        "sampler": {"_target_": "any"},
        "pruner": OmegaConf.create({"_target_": f"optuna.pruners.{pruner}"}),
    }
    return Settings.parse({"study_name": "toy", **nodes, **others})


@pytest.mark.parametrize(
    ("asked", "cfg", "message"),
    [
        (
            {"repeats": {"n": 3, "key": "one"}},
            {"x": 1},
            "hydra.sweeper.repeats.key=one: the configuration has",
        ),
        (
            {"confirm": {"top": 3, "key": "one"}},
            {"x": 1},
            "hydra.sweeper.confirm.key=one: the configuration has",
        ),
        ({"repeats": 3}, {"seed": 1}, "hydra.sweeper.repeats.key=seed is searched"),
        ({"repeats": {"n": 3, "key": "x"}}, {"x": 1}, "hydra.sweeper.repeats.key=x is searched"),
        ({"repeats": {"n": 3, "key": "model.seed"}}, {"model": 5}, "key=model.seed: the configuration has"),
        (
            {"stop": {"expected_gain": "noise"}},
            {"seed": 1},
            "expected_gain=noise is what repeats differ by",
        ),
    ],
)
def test_what_cannot_be_repeated_is_told(asked, cfg, message):
    space = SearchSpace({"x": FloatDistribution(0, 1), "+seed": IntDistribution(0, 9)}, [])
    with pytest.raises(SweepError) as caught:
        check_noise(Toy(settings(**asked), space), [OmegaConf.create(cfg)])
    assert message in str(caught.value)


@pytest.mark.parametrize("seed", [None, 5, "${oc.env:NO_SUCH_VARIABLE}"])
def test_a_seed_may_be_anything_that_is_there(seed):
    cfg = OmegaConf.create({"model": {"seed": seed}})
    asked = settings(repeats={"n": 3, "key": "model.seed"}, confirm={"top": 2, "key": "model.seed"})
    assert check_noise(Toy(asked), [cfg]) == [
        "After the last trial the best 2 are run again, with 5 fresh seeds each."
    ]


def test_repeats_have_one_fidelity():
    toy = Toy(settings(repeats=3), fidelity=Fidelity("share", (0.1, 1.0)))
    with pytest.raises(SweepError, match="expected one of them"):
        check_noise(toy, [OmegaConf.create({"seed": 1})])


@pytest.mark.parametrize("option", ["tasks_per_node", "nodes"])
def test_ranks_are_not_repeated(option):
    toy = Toy(settings(repeats=3), config=launched(**{option: 2}))
    with pytest.raises(SweepError, match=f"expected hydra.launcher.{option}=1, got 2"):
        check_noise(toy, [OmegaConf.create({"seed": 1})])


@pytest.mark.parametrize(
    ("pruner", "repeats", "chosen"),
    [
        ("MedianPruner", 1, "MedianPruner"),
        ("MedianPruner", 3, "WilcoxonPruner"),
        ("NopPruner", 3, "NopPruner"),
        ("WilcoxonPruner", 3, "WilcoxonPruner"),
    ],
)
def test_repeats_are_compared_by_wilcoxon(pruner, repeats, chosen):
    sweep, said = with_pruner(Toy(settings(pruner, repeats=repeats)))
    assert sweep.settings.pruner["_target_"].endswith(chosen)
    assert bool(said) == (chosen != pruner)


def test_that_two_repeats_end_no_trial_early_is_told():
    (said,) = with_pruner(Toy(settings(repeats=2)))[1]
    assert "none ends early, for MedianPruner compares epochs" in said
