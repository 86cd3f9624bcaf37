import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import parse_space, to_grammar, to_overrides


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("choice(1,2,3)", CategoricalDistribution([1, 2, 3])),
        ("1,2,3", CategoricalDistribution([1, 2, 3])),
        ("choice(a,b)", CategoricalDistribution(["a", "b"])),
        ("choice(true,0.5)", CategoricalDistribution([True, 0.5])),
        ("true,null", CategoricalDistribution([True, "null"])),
        ("choice('a b','1',',')", CategoricalDistribution(["a b", "'1'", "','"])),
        ("choice([1,2],[3])", CategoricalDistribution(["[1,2]", "[3]"])),
        ("interval(0.0,1.0)", FloatDistribution(0.0, 1.0)),
        ("interval(0,1.0)", FloatDistribution(0.0, 1.0)),
        ("interval(1,8)", FloatDistribution(1.0, 8.0)),
        ("int(interval(1,8))", IntDistribution(1, 8)),
        ("tag(log,interval(1e-5,1e-1))", FloatDistribution(1e-5, 1e-1, log=True)),
        ("tag(log,int(interval(1,512)))", IntDistribution(1, 512, log=True)),
        ("range(1,9,2)", IntDistribution(1, 9, step=2)),
        ("range(1,10,2)", IntDistribution(1, 9, step=2)),
        ("range(4)", IntDistribution(0, 4)),
        ("range(0.0,1.0,0.25)", FloatDistribution(0.0, 1.0, step=0.25)),
        ("shuffle(range(1,3))", CategoricalDistribution([1, 2])),
    ],
)
def test_grammar(text, expected):
    in_yaml = parse_space({"key": text}, [])
    on_command_line = parse_space(None, [f"key={text}"])
    if text.startswith("shuffle"):
        assert sorted(in_yaml.distributions["key"].choices) == list(expected.choices)
    else:
        assert in_yaml.distributions == {"key": expected}
        assert on_command_line.distributions == {"key": expected}
    assert in_yaml.fixed == on_command_line.fixed == []


@pytest.mark.parametrize("key", ["model", "common/logger@logger", "+new.key", "a.b.c"])
def test_keys_of_groups_packages_and_additions_are_kept(key):
    assert list(parse_space({key: "choice(a,b)"}, []).distributions) == [key]


def test_fixed_overrides_are_kept_as_written():
    space = parse_space({"a": 1, "b": None, "c": True}, ["d='x y'", "~e", "+f=[1,2]", "g/h@i=j"])
    assert space.distributions == {}
    assert space.fixed == ["a=1", "b=null", "c=true", "d='x y'", "~e", "+f=[1,2]", "g/h@i=j"]


def test_the_command_line_comes_before_the_yaml():
    space = parse_space({"lr": "interval(0.0,1.0)", "n": 3}, ["lr=0.5", "n=choice(1,2)"])
    assert space.fixed == ["lr=0.5"]
    assert space.distributions == {"n": CategoricalDistribution([1, 2])}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("interval(1.0,0.0)", "low"),
        ("tag(log,interval(0.0,1.0))", "low"),
        ("tag(log,interval(-1,8))", "low"),
        ("choice()", "empty choice"),
        ("interval(1,", "no viable alternative"),
        ("glob(*)", "Valid: choice"),
    ],
)
def test_mistakes_are_one_line_that_names_the_key(text, named):
    with pytest.raises(SweepError) as caught:
        parse_space({"key": text}, [])
    assert str(caught.value).startswith(f"key={text}")
    assert named in str(caught.value)
    assert "\n" not in str(caught.value)


def test_values_become_overrides_that_hydra_reads_back():
    params = {"a": 0.1, "b": True, "c": None, "d": "'x y'", "e": 1e-05, "model": "mnist"}
    lines = to_overrides(params)
    assert lines == ["a=0.1", "b=true", "c=null", "d='x y'", "e=1e-05", "model=mnist"]


@pytest.mark.parametrize(
    "text",
    [
        "choice(1, 2.5, a, true)",
        "interval(0.0, 1.0)",
        "tag(log, interval(0.0001, 0.1))",
        "int(interval(1, 9))",
        "tag(log, int(interval(1, 9)))",
        "range(1, 9, 2)",
        "range(0.0, 1.0, 0.25)",
    ],
)
def test_a_distribution_can_be_written_as_it_was_read(text):
    distribution = parse_space(None, [f"x={text}"]).distributions["x"]
    assert to_grammar(distribution) == text
