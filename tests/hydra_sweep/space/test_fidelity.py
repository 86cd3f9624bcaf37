import math
from pathlib import Path

import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space.fidelity import at_its_last, parse_fidelity
from hydra_sweep.space.grammar import parse_space
from hydra_sweep.space.text import parse

SPACE = parse_space({"x": "interval(0,1)", "+sizes": "tag(list:1:2,choice(1,2))", "steps": 9}, [])
GO_ON = "ckpt_path={before}/last.ckpt"


def settings(fidelity, **rest) -> Settings:
    given = {"sampler": {}, "pruner": {}, "study_name": "any", **rest}
    return Settings(fidelity=fidelity, **given)


def test_a_trial_is_judged_at_the_last():
    fidelity = parse_fidelity(settings({"+data.share": [0.1, 0.5, 1]}, go_on=GO_ON), SPACE)
    assert at_its_last(SPACE, fidelity).fixed == ["steps=9", "+data.share=1"]
    assert fidelity.overrides(1) == ["++data.share=0.1"]
    assert fidelity.overrides(2, Path("/a")) == ["++data.share=0.5", "ckpt_path=/a/last.ckpt"]
    assert fidelity.overrides(3, Path("/b")) == ["ckpt_path=/b/last.ckpt"]
    assert at_its_last(SPACE, parse_fidelity(settings(None), SPACE)) is SPACE


@pytest.mark.parametrize("go_on", [GO_ON, "ckpt_path='{before}/last.ckpt'"])
def test_a_folder_may_have_any_name(go_on):
    fidelity = parse_fidelity(settings({"share": [0.5, 1]}, go_on=go_on), SPACE)
    before = Path("/a b/x=1,y={2}/it's $")
    (line,) = fidelity.overrides(2, before)
    assert parse(line).value() == f"{before}/last.ckpt"
    listed = parse_fidelity(settings({"share": [0.5, 1]}, go_on="+from=[{before},b]"), SPACE)
    assert parse(listed.overrides(2, before)[0]).value() == [str(before), "b"]


MISTAKES = {
    "no values": ({"data.share": []}, {}, "expected a key with growing numbers, such as data.share:"),
    "infinite": ({"data.share": [1, math.inf]}, {}, "expected a key with growing numbers"),
    "no number": ({"data.share": [math.nan, math.nan]}, {}, "expected a key with growing numbers"),
    "one": ({"data.share": [1]}, {}, "expected a key with growing numbers"),
    "shrinking": ({"data.share": [1, 0.5]}, {}, "expected a key with growing numbers"),
    "texts": ({"data.share": ["a", "b"]}, {}, "expected a key with growing numbers"),
    "a number": ({"data.share": 1}, {}, "expected a key with growing numbers"),
    "two keys": ({"a": [1, 2], "b": [1, 2]}, {}, "expected a key with growing numbers"),
    "a list": ([1, 2], {}, "expected a key with growing numbers"),
    "searched": ({"x": [1, 2]}, {}, "fidelity: x is searched, too"),
    "a searched list": ({"sizes": [1, 2]}, {}, "sizes is searched, too"),
    "fixed": ({"+steps": [1, 2]}, {}, "steps=9 fixes what it is to vary"),
    "several": ({"a": [1, 2]}, {"direction": ["minimize"] * 2}, "expected one objective"),
    "promote": ({"a": [1, 2]}, {"pruner": {"promote": True}}, "do not pause"),
    "alone": (None, {"go_on": GO_ON}, "hydra.sweeper.go_on: expected hydra.sweeper.fidelity beside it"),
    "a number to go on by": ({"a": [1, 2]}, {"go_on": 5}, "go_on=5: expected an override with {before}"),
    "several ways": ({"a": [1, 2]}, {"go_on": "a={before},b"}, "expected an override with {before}"),
    "no folder": ({"a": [1, 2]}, {"go_on": "ckpt_path=last.ckpt"}, "an override with {before}"),
}


@pytest.mark.parametrize(("fidelity", "rest", "told"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_told(fidelity, rest, told):
    with pytest.raises(SweepError) as error:
        parse_fidelity(settings(fidelity, **rest), SPACE)
    assert told in str(error.value)
    assert "\n" not in str(error.value)
