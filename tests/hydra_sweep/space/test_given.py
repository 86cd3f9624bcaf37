"""Values from elsewhere in a space with conditions, bounds, ties, powers and lists."""

import pytest

from hydra_sweep.space import values
from hydra_sweep.space.given import given
from hydra_sweep.space.grammar import in_words, parse_space, space_of

PARAMS = {
    "+model": "choice(mlp,cnn)",
    "hidden": "tag(list:1:2,tag(pow2,int(interval(8,32))))",
    "filters": "tag(pow2,int(interval(4,16)))",
    "kernel": "int(interval(1,${filters}))",
    "stride": "${kernel}",
    "momentum": 0.9,
    "name": "choice('a and b','x) when y')",
    "by_name": "choice(1,2)",
}
WHEN = {
    "hidden": "model=mlp",
    "filters": "model=cnn",
    "kernel": "model=cnn",
    "stride": "model=cnn",
    "momentum": ["model=cnn", "filters=4,8"],
    "by_name": ["name='a and b'", "model=mlp,cnn"],
}
SPACE = parse_space(PARAMS, [], when=WHEN)
CNN = {"+model": "cnn", "filters": 8, "kernel": 3, "stride": "${kernel}", "momentum": 0.9}


def read(key, distribution, value):
    return values.read(distribution, value)


def test_the_words_of_a_space_are_that_space():
    again = space_of(in_words(SPACE))
    assert again.distributions == SPACE.distributions
    assert (again.when, again.bounds, again.pow2) == (SPACE.when, SPACE.bounds, SPACE.pow2)


@pytest.mark.parametrize(
    ("by_key", "params"),
    [
        ({"model": "cnn", "filters": 8, "kernel": 3}, CNN),
        ({"model": "cnn", "filters": 8, "kernel": 3, "stride": 3, "momentum": 0.9}, CNN),
        (
            {"model": "mlp", "hidden": [8, 32]},
            {"+model": "mlp", "len(hidden)": 2, "hidden[0]": 8, "hidden[1]": 32},
        ),
        ({"model": "mlp", "hidden": "[16]"}, {"+model": "mlp", "len(hidden)": 1, "hidden[0]": 16}),
        (
            {"name": "a and b", "by_name": 2, "model": "mlp"},
            {"+model": "mlp", "name": "a and b", "by_name": 2},
        ),
        ({}, {}),
    ],
)
def test_what_a_trial_may_have_together(by_key, params):
    found = given(SPACE, by_key, read)
    assert found.params == params
    assert not found.outside
    assert not found.apart


@pytest.mark.parametrize(
    ("by_key", "told"),
    [
        ({"model": "cnn", "filters": 12}, "filters=12 is outside of tag(pow2, int(interval(4, 16)))"),
        (
            {"model": "cnn", "filters": 4, "kernel": 5},
            "kernel=5 is outside of int(interval(1, ${filters}))",
        ),
        (
            {"model": "cnn", "filters": 4, "kernel": 2, "stride": 1},
            "stride=1 is outside of choice(${kernel})",
        ),
        ({"model": "mlp", "hidden": [8, 9]}, "hidden=[8, 9] is outside of tag(list:1:2, tag(pow2, "),
        ({"model": "mlp", "hidden": [8, 8, 8]}, "hidden=[8, 8, 8] is outside of"),
        ({"model": "mlp", "hidden": 8}, "hidden=8 is outside of"),
        ({"model": "mlp", "hidden": "eight"}, "hidden=eight is outside of"),
    ],
)
def test_what_is_outside_of_the_space(by_key, told):
    (said,) = given(SPACE, by_key, read).outside.values()
    assert said.startswith(told)


@pytest.mark.parametrize(
    ("by_key", "told"),
    [
        ({"hidden": [8]}, "hidden is for trials with model=mlp alone"),
        ({"model": "mlp", "filters": 4}, "filters is for trials with model=cnn alone"),
        ({"model": "cnn", "kernel": 1}, "kernel depends on filters, which has no value"),
        (
            {"model": "cnn", "filters": 16, "momentum": 0.9},
            "momentum is for trials with model=cnn and filters=4,8 alone",
        ),
    ],
)
def test_what_does_not_go_with_the_others(by_key, told):
    found = given(SPACE, by_key, read)
    assert list(found.apart.values()) == [told]
    assert not found.outside
