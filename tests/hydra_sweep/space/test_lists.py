import pytest

from hydra_sweep.space.grammar import in_words, parse_space, to_overrides


@pytest.mark.parametrize(
    ("text", "params", "override"),
    [
        ("tag(list:1:3, choice(32,64))", {"len(h)": 2, "h[0]": 64, "h[1]": 32}, "h=[64,32]"),
        ("tag(list:0:1, interval(0.0,1.0))", {"len(h)": 0}, "h=[]"),
        ("tag(list:2, choice('a b','1',c))", {"len(h)": 2, "h[0]": "a b", "h[1]": "'1'"}, "h=['a b','1']"),
        ("tag(list:1, choice([1,2],[3]))", {"len(h)": 1, "h[0]": "[1,2]"}, "h=[[1,2]]"),
    ],
)
def test_a_list_is_one_override(text, params, override):
    space = parse_space({"h": text, "x": "1,2"}, [])
    assert space.completed(params) == {"x": 1, **params}
    assert to_overrides({**params, "x": 1}) == [override, "x=1"]
    assert in_words(space).keys() == {"h", "x"}


def test_a_list_of_the_command_line_and_of_numbers_on_a_scale():
    for text in ("tag(list:1:2, log, int(interval(1,64)))", "tag(list:1:2, tag(log, int(interval(1,64))))"):
        space = parse_space(None, [f"h={text}"])
        assert in_words(space) == {"h": "tag(list:1:2, tag(log, int(interval(1, 64))))"}


def test_a_trial_that_is_still_being_proposed_is_shown():
    assert to_overrides({"len(h)": 2, "h[0]": 1}) == ["h=[1]"]


def test_what_follows_another_is_shown_with_its_value():
    params = {"width": "${depth}", "+depth": 3, "len(h)": 1, "h[0]": 8, "same": "${h}", "seed": "${now}"}
    assert to_overrides(params) == ["width=3", "+depth=3", "h=[8]", "same=[8]", "seed=${now}"]
