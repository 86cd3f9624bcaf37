from types import SimpleNamespace

import pytest
from omegaconf import DictConfig, OmegaConf

from hydra_sweep.space.compose import Composer
from hydra_sweep.space.constraints import parse_constraint
from hydra_sweep.worker.known import Known


class Plain(Composer):
    """Of a configuration that Hydra did not compose."""

    def __init__(self) -> None:
        self.example = OmegaConf.create({"x": 1, "y": 2, "alias": "${x}", "name": "a"})
        self.example_overrides = ["x=1"]
        self.n = 0

    def in_place(self, overrides: list[str]) -> DictConfig:
        self.n += 1
        self.example.merge_with_dotlist(overrides)
        return self.example


def total(cfg: DictConfig) -> int:
    return cfg.x + cfg.y


def known(*lines: str) -> Known:
    constraints = [parse_constraint(line) for line in lines]
    settings = SimpleNamespace(measures={"total": f"{__name__}.total"})
    return Known(SimpleNamespace(constraints=constraints, settings=settings), Plain())


@pytest.mark.parametrize(
    ("line", "params", "numbers"),
    [
        ("x < 5", {"x": 7}, {"x": 7}),
        ("x < y", {"x": 7}, {"x": 7, "y": 2}),
        ("alias < 5", {"x": 7}, {"alias": 7}),
        ("total < 5", {"x": 7}, {"total": 9}),
        ("extra < 5", {"x": 7, "+extra": 3}, {"extra": 3}),
        ("extra < 5", {"x": 7}, {}),  # another trial has it
        ("name < 5", {"x": 7, "name": "b"}, {}),
    ],
)
def test_the_numbers_of_a_trial(line, params, numbers):
    one = known(line)
    assert one.numbers(params) == numbers
    assert one.composer.example.x == 1, "the example is as it was"
    assert one.allow(params) == (numbers not in ({"x": 7}, {"x": 7, "y": 2}, {"alias": 7}, {"total": 9}))


def test_where_parameters_are_all_that_is_named_nothing_is_composed():
    one = known("x < 5", "x > 3")
    assert one.distances({"x": 7}) == {"x < 5": 2, "x > 3": -4}
    assert known().distances({"x": 7}) == {}
    assert one.composer.n == 0


def test_a_combination_is_looked_at_once():
    one = known("y < 5")
    assert [one.allow({"x": 1}), one.allow({"x": 1}), one.composer.n] == [True, True, 2]
