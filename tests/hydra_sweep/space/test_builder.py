"""Spaces whose parameters depend on each other."""

import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import in_words, parse_space

PARAMS = {
    "model": "choice(mlp,cnn)",
    "model.width": "int(interval(1,8))",
    "+momentum": "interval(0.1,0.9)",
    "opt": "choice(sgd,adam)",
    "lr": "interval(0.0,1.0)",
    "hidden": "tag(list:1:2,choice(1,2))",
    "fixed": 3,
}


def space(when=None, prior=None, arguments=(), **params):
    return parse_space({**PARAMS, **params}, list(arguments), when=when, prior=prior)


def has(made, name, **params) -> bool:
    return name in made.completed({"model": "mlp", "opt": "adam", **params})


def test_a_trial_has_what_its_conditions_say_and_conditions_may_chain():
    when = {"momentum": "opt=sgd", "opt": "model=cnn", "model": {"width": "model=mlp,cnn"}}
    made = space(when)
    assert not has(made, "+momentum", opt="sgd"), "for there is no opt in an mlp"
    assert has(made, "+momentum", model="cnn", opt="sgd")
    assert not has(made, "+momentum", model="cnn", opt="adam")
    assert has(made, "model.width")
    assert list(made.distributions).index("opt") < list(made.distributions).index("+momentum")
    assert in_words(made)["+momentum"] == "interval(0.1, 0.9) when opt=sgd"


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("model.width=1,2", {"model.width": 2}),
        (["opt=sgd", "model=cnn"], {"opt": "sgd", "model": "cnn"}),
        (["opt=sgd,adam", "opt=sgd"], {"opt": "sgd"}),
    ],
)
def test_conditions_of_several_values_and_of_several_parameters(condition, holds):
    made = space({"lr": condition})
    assert has(made, "lr", **holds)
    for key in holds:
        other = {"model.width": 3, "opt": "adam", "model": "mlp"}
        assert not has(made, "lr", **{**holds, key: other[key]})


@pytest.mark.parametrize(
    ("arguments", "searched", "fixed"),
    [
        (["opt=sgd"], True, ["fixed=3", "opt=sgd"]),
        (["opt=adam"], False, ["fixed=3", "opt=adam"]),
        (["opt=adam,sgd"], True, ["fixed=3"]),
    ],
)
def test_what_the_command_line_fixes_settles_conditions(arguments, searched, fixed):
    made = space({"+momentum": "opt=sgd"}, arguments=arguments)
    assert ("+momentum" in made.distributions) == searched
    assert sorted(made.fixed) == fixed
    assert ("+momentum" in made.when) == ("opt" in made.distributions)


def test_what_is_fixed_under_a_condition_is_a_choice_of_one():
    made = space({"+momentum": "opt=sgd"}, arguments=["+momentum=0.5"])
    assert in_words(made)["+momentum"] == "choice(0.5) when opt=sgd"
    assert has(made, "+momentum", opt="sgd")


def test_bounds_are_others_values_and_the_distribution_is_always_the_same():
    made = space(deeper="int(interval(1, ${model.width}))", even="range(1, ${model.width}, 2)")
    assert made.distributions["deeper"].high == 8
    assert made.allowed("deeper", {"model.width": 5}).high == 5
    assert made.allowed("even", {"model.width": 6}).high == 5
    assert made.allowed("deeper", {}).high == 8, "the other does not exist"
    assert made.completed({"model.width": 3, "deeper": 7})["deeper"] == 3
    assert in_words(made)["deeper"] == "int(interval(1, ${model.width}))"
    assert space(deeper="int(interval(1, ${fixed}))").distributions["deeper"].high == 3
    powers = space(deeper="tag(pow2, int(interval(1, ${model.width})))")
    assert powers.allowed("deeper", {"model.width": 7}).high == 4


def test_the_command_line_takes_a_range_with_a_reference_in_quotes():
    made = space(arguments=["deeper='int(interval(1,${model.width}))'", "text='interval(1,${x})'"])
    assert in_words(made)["deeper"] == "int(interval(1, ${model.width}))"
    assert made.fixed == ["fixed=3", "text='interval(1,${x})'"]


WRONG_CONDITIONS = [
    ({"momentun": "opt=sgd"}, "Unknown key of hydra.sweeper.when 'momentun'. Did you mean momentum?"),
    ({"lr": "op=sgd"}, "Unknown parameter in hydra.sweeper.when.lr 'op'. Did you mean opt?"),
    ({"lr": "opt=sdg"}, "Unknown value of opt in hydra.sweeper.when.lr 'sdg'. Did you mean sgd?"),
    ({"lr": "opt=sgd,adm"}, "'adm'. Did you mean adam? Valid: adam, sgd."),
    ({"lr": "model.width=9"}, "hydra.sweeper.when.lr: model.width is from 1 to 8, got 9."),
    ({"opt": "lr=0.5"}, "when.opt=lr=0.5: lr is neither a choice nor a whole number."),
    ({"opt": "hidden=1"}, "hidden is neither a choice nor a whole number."),
    ({"lr": "sgd"}, "when.lr: expected such as model=mlp, or model=mlp,cnn, got 'sgd'."),
    ({"lr": 5}, "when.lr: expected such as model=mlp, or model=mlp,cnn, got 5."),
    ({"lr": "lr=0.5"}, "lr depends on lr: expected no circle"),
    ({"opt": "model=cnn", "model": "opt=sgd"}, "opt depends on model"),
    ({"model.width": {"of": {"x": "opt=sgd"}}}, "Unknown key of hydra.sweeper.when 'model.width.of.x'"),
]


@pytest.mark.parametrize(("when", "told"), WRONG_CONDITIONS, ids=[str(one[0]) for one in WRONG_CONDITIONS])
def test_wrong_conditions_are_told_in_one_line(when, told):
    with pytest.raises(SweepError) as caught:
        space(when)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("int(interval(2, ${model.width}))", "nothing is left where it is from 2 to 1, as it may be"),
        ("interval(${model.width}, ${fixed})", "nothing is left where it is from 8 to 3"),
        ("int(interval(1, ${opt}))", "expected opt to be a number, got sgd"),
        ("int(interval(1, ${model.width})", "new=int(interval(1, ${model.width})"),
        ("int(interval(1, ${hidden}))", "no trial has one hidden"),
        ("int(interval(1, ${new}))", "new depends on new: expected no circle"),
        ("range(${model.width}, 20, 2)", "expected a number to begin with"),
        ("tag(pow2, int(interval(17, 30)))", "there is no power of two in it"),
        ("tag(pow2, interval(1, 4))", "takes int(interval(…)) of numbers from 1 up"),
        ("tag(pow2, choice(1, 4))", "takes int(interval(…)) of numbers from 1 up"),
        ("tag(list:3:1, choice(1, 4))", "tag list:3:1: expected such as list:1:3"),
        ("tag(list, choice(1, 4))", "tag list: expected such as list:1:3"),
    ],
)
def test_wrong_ranges_are_told_in_one_line(text, told):
    with pytest.raises(SweepError) as caught:
        space(new=text)
    assert told in str(caught.value)
    assert str(caught.value).startswith("new")


@pytest.mark.parametrize(
    ("prior", "told"),
    [
        ({"lrr": 0.5}, "Unknown key of hydra.sweeper.prior 'lrr'. Did you mean lr?"),
        ({"lr": 1.5}, "hydra.sweeper.prior.lr: expected a number from 0.0 to 1.0, got 1.5."),
        ({"lr": "x"}, "hydra.sweeper.prior.lr: expected a number from 0.0 to 1.0, got 'x'."),
        ({"opt": "sdg"}, "Unknown value in hydra.sweeper.prior.opt 'sdg'. Did you mean sgd?"),
        (
            {"lr": {"value": 0.5, "confidence": "hgh"}},
            "Unknown confidence of hydra.sweeper.prior.lr 'hgh'.",
        ),
        ({"lr": {"value": 0.5, "sure": True}}, "Unknown key of hydra.sweeper.prior.lr 'sure'."),
        ({"hidden": [1, 2, 1]}, "hydra.sweeper.prior.hidden: expected a list of 1 to 2, got [1, 2, 1]."),
        ({"hidden": [5]}, "Unknown value in hydra.sweeper.prior.hidden '5'. Valid: 1, 2."),
    ],
)
def test_wrong_priors_are_told_in_one_line(prior, told):
    with pytest.raises(SweepError) as caught:
        space(prior=prior)
    assert told in str(caught.value)


def test_a_prior_of_what_the_command_line_fixes_is_of_no_account():
    assert list(space(prior={"lr": 0.5, "fixed": 3}, arguments=["lr=0.1"]).priors) == []
