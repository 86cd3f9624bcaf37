"""Values come out of an override as they went in."""

import pytest
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import OmegaConf

from hydra_sweep.errors import SweepError
from hydra_sweep.space.grammar import parse_space, to_overrides

# yaml, and what of it the grammar does not take for itself
AS_IN_YAML = """
number: 1
float: 1e-3
big: 123456789012345678901
infinite: .inf
no: false
none: null
text number: '1'
text float: '0.10'
text null: 'null'
text true: 'true'
text exponent: '1e-3'
empty: ''
spaces: ' a  b '
space: ' '
words: two words
tab: "a\\tb"
lines: "a\\nb"
equals: lr=0.1, momentum=0.9
url: sqlite:///a.db?x=1&y=2
sentence: Hello, world!
apostrophe: it's
quote: 5" disk
backslashes: C:\\new\\
backslash and quote: a\\'b
umlauts: Größe 日本 ü
brackets: a[0] (b) {c}
hash: a#b@c%d*e
at end: a\\
list: [1, '1', a b, 'c,d', null, true, "it's", '', 0.5, 1.0]
nested: [[1, 2], [a, {b: [c]}]]
dict: {a: 1, b: '1', c: x=y, d: null, e: {f: [1]}, 'key with space': z, 'a:b,c=d': 1}
of commas: {names: ['a,b', c]}
empty list: []
empty dict: {}
number keys: {1: a, 2: b}
"""
VALUES = OmegaConf.to_container(OmegaConf.create(AS_IN_YAML))
# the choices of a text on the command line, in the short form that keeps quotes
CHOICES = [
    "a,b",
    "1,'1',1.0,true,'true'",
    "1,true",
    "0.10,'0.10',1e-3",
    "null,'null',0.5",
    "'a b',\"c,d\",'it\\'s'",
    "'',a",
    "[1,2],['1'],[]",
    "{a:1},{a:'1',b:[null]}",
    "a\\,b,c\\=d",
    "'a=b','c:d','e\\\\'",
    "${x},'${y}'",
    "007,0,1_000",
    "nan,inf,-inf",
    "a/b,c.d,e-f",
    "'ü','日 本'",
]


def read(line: str) -> object:
    return OverridesParser.create().parse_overrides([line])[0].value()


def same(one: object, other: object) -> bool:
    """Also in the types of all parts, and where it is not a number."""
    return repr(one) == repr(other)


@pytest.mark.parametrize("key", VALUES)
def test_a_fixed_value_is_what_it_is_in_yaml(key):
    space = parse_space(OmegaConf.create({"key": VALUES[key]}), [])
    assert not space.distributions
    assert same(read(space.fixed[0]), VALUES[key])


@pytest.mark.parametrize("text", CHOICES)
def test_choices_are_those_of_hydras_own_sweeper(text):
    line = f"key={text}"
    override = OverridesParser.create().parse_overrides([line])
    expected = [read(one) for (one,) in BasicSweeper.split_arguments(override, None)[0]]
    for space in (parse_space(None, [line]), parse_space({"key": text}, [])):
        choices = space.distributions["key"].choices
        assert len({*choices}) == len(choices), "Optuna would take some for one"
        assert same([read(to_overrides({"key": one})[0]) for one in choices], expected)


@pytest.mark.parametrize(
    ("params", "fixed"),
    [
        ({"key": "'a, b'"}, "key='a, b'"),  # as the grammar quotes
        ({"key": "[a,b]"}, "key=[a,b]"),
        ({"key": "int(3.7)"}, "key=int(3.7)"),
        ({"~key": None}, "~key"),
        ({"~key": ""}, "~key"),
        ({"group": 0}, "group='0'"),
        ({"group": "1"}, "group='1'"),
        ({"group": None}, "group=[]"),
        ({"+group@package": ["a", 0]}, "+group@package=[a,'0']"),
    ],
)
def test_fixed_overrides(params, fixed):
    assert parse_space(params, [], options={"group": ["a"]}.get).fixed == [fixed]


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("choice('0','1')", ("'0'", "'1'")),
        ("choice(0,1)", ("'0'", "'1'")),
        ("choice(007,1.5,true)", ("007", "'1.5'", "'true'")),
        ("choice(null,cnn/small)", ("[]", "cnn/small")),
        ("choice([a,0],[b])", ("[a,'0']", "[b]")),
        ("choice(a,a,b)", ("a", "b")),
        ("glob(*)", ("'0'", "a", "b")),
        ("glob([a,b],exclude=b)", ("a",)),
    ],
)
def test_options_of_a_group_are_names(text, choices):
    options = {"group": ["0", "a", "b", "cnn/small"]}.get
    space = parse_space({"group": text}, [], options=options)
    assert space.distributions["group"].choices == tuple(choices)


def test_what_is_searched_below_a_key_is_a_key_of_its_own():
    params = {"model": {"optimizer": {"lr": "interval(0.0,1.0)", "name": "a, b"}, "width": 8}}
    space = parse_space(OmegaConf.create(params), [])
    assert list(space.distributions) == ["model.optimizer.lr", "model.optimizer.name"]
    assert space.fixed == ["model.width=8"]


@pytest.mark.parametrize("value", [["interval(0,1)", 1], {"1": "a"}])
def test_what_cannot_be_written_is_one_line(value):
    with pytest.raises(SweepError, match=r"hydra\.sweeper\.params\.key: "):
        parse_space({"key": value}, [])
