import pytest
from omegaconf import OmegaConf
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.values import converted, read

OUTSIDE = object()


def of(grammar: str) -> BaseDistribution:
    return parse_space({"key": grammar}, []).distributions["key"]


@pytest.mark.parametrize(
    ("grammar", "value", "expected"),
    [
        ("interval(0.0,1.0)", 0.5, 0.5),
        ("interval(0.0,1.0)", 1, 1.0),
        ("interval(0.0,1.0)", 1.5, OUTSIDE),
        ("interval(0.0,1.0)", "a", OUTSIDE),
        ("interval(0.0,1.0)", None, OUTSIDE),
        ("interval(0.0,1.0)", True, OUTSIDE),
        ("interval(0.0,1.0)", float("nan"), OUTSIDE),
        ("range(0.0,1.0,0.25)", 0.75, 0.75),
        ("range(0.0,1.0,0.25)", 0.7, OUTSIDE),
        ("tag(log,interval(1e-4,1.0))", 0.0, OUTSIDE),
        ("int(interval(1,9))", 9, 9),
        ("int(interval(1,9))", 2.0, 2),
        ("int(interval(1,9))", 2.5, OUTSIDE),
        ("int(interval(1,9))", float("inf"), OUTSIDE),
        ("range(1,9,2)", 4, OUTSIDE),
        ("choice(1,2)", 1, 1),
        ("choice(1,2)", 1.0, OUTSIDE),
        ("choice(1,2)", True, OUTSIDE),
        ("choice(1,2)", "1", OUTSIDE),
        ("choice('1',2)", "1", "'1'"),
        ("choice(a,null)", None, "null"),
        ("choice(true,false)", False, False),
        ("choice([64,32],[128])", [64, 32], "[64,32]"),
        ("choice([64,32],[128])", OmegaConf.create([128]), "[128]"),
        ("choice([64,32],[128])", [64], OUTSIDE),
    ],
)
def test_a_value_of_a_configuration(grammar, value, expected):
    if expected is OUTSIDE:
        with pytest.raises(ValueError, match="is outside of"):
            read(of(grammar), value)
    else:
        found = read(of(grammar), value)
        assert (type(found), found) == (type(expected), expected)


def test_the_choice_of_a_group_is_text_also_where_it_looks_like_a_number():
    assert read(CategoricalDistribution(["'1'", "a"]), "1", is_group=True) == "'1'"


@pytest.mark.parametrize(
    ("distribution", "value", "expected"),
    [
        (IntDistribution(1, 200), 64, 64),
        (FloatDistribution(0, 100), 64, 64.0),
        (CategoricalDistribution([64, 128]), 64, 64),
        (CategoricalDistribution(["'1'", "2"]), "'1'", "'1'"),
        (CategoricalDistribution(["null", "a"]), "null", "null"),
    ],
)
def test_a_parameter_of_another_distribution(distribution, value, expected):
    assert converted(distribution, value) == expected
