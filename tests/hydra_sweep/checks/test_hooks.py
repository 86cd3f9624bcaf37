from types import SimpleNamespace

import pytest
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.checks.hooks import check_task
from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import parse_space

SPACE = {"x": "interval(0.0, 1.0)", "n": "choice(3, 4, 5)", "+new": "range(1, 4)"}
NODE = {"_target_": "any"}
seen: list[tuple] = []


@pytest.fixture(autouse=True)
def in_force(monkeypatch):
    """What `check_task` puts in force goes with the test."""
    monkeypatch.setattr(HydraConfig.instance(), "cfg", None)


def look(cfg: DictConfig, _: None) -> None:
    seen.append((cfg.x, cfg.n, cfg.new))


def refuse_the_first(cfg: DictConfig, _: None) -> None:
    if cfg.n == 3:
        raise SweepError("n: expected more than 3.")


def check(hook: str) -> None:
    settings = Settings.parse(
        {"study_name": "toy", "sampler": NODE, "pruner": NODE, "check": f"{__name__}.{hook}"}
    )
    cfg = OmegaConf.create({"x": 0.5, "n": 4, "new": 2, "hydra": {}})
    sweep = SimpleNamespace(settings=settings, space=parse_space(SPACE, [], None))
    check_task(sweep, {"x": 0.5, "n": 4, "+new": 2}, [cfg], None)


def test_a_hook_sees_the_example_and_each_value_at_its_ends():
    seen.clear()
    check("look")
    assert seen == [
        (0.5, 4, 2),
        *((0.0, 4, 2), (1.0, 4, 2)),
        *((0.5, 3, 2), (0.5, 4, 2), (0.5, 5, 2)),
        *((0.5, 4, 1), (0.5, 4, 4)),
    ]


def test_what_a_hook_says_of_one_of_them_ends_the_sweep():
    with pytest.raises(SweepError, match="n: expected more than 3"):
        check("refuse_the_first")
