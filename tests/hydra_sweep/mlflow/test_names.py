"""Names as MLflow takes them."""

import re
from itertools import product

import pytest
from mlflow.utils.validation import _validate_metric_name, _validate_param_name, _validate_tag_name

from hydra_sweep.mlflow.names import LONGEST, WORDS, legal

LONG = "model." + 60 * "layer."


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("model.optimizer.lr", "model.optimizer.lr"),
        ("val/acc_best", "val/acc_best"),
        ("a b-c:d", "a b-c:d"),
        ("größe", "größe"),
        ("12:30:45", "12:30:45"),
        ("x.y/..z", "x.y/..z"),
        ("+trainer.gradient_clip_val", ":plus:trainer.gradient_clip_val"),
        ("++trainer.precision", ":plus::plus:trainer.precision"),
        ("common/callbacks@callbacks", "common/callbacks:at:callbacks"),
        ("val/recall@10", "val/recall:at:10"),
        ("loss%", "loss:percent:"),
        ("f1(macro)", "f1:u28:macro:u29:"),
        ("acc[0]", "acc:u5b:0:u5d:"),
        ("🙂", ":u1f642:"),
        ("two\nlines", "two:ua:lines"),
        ("a//b", "a:slash::slash:b"),
        ("/a", ":slash:a"),
        ("a/", "a:slash:"),
        ("a/./b", "a:slash::dot::slash:b"),
        ("..", ":dot::dot:"),
        ("", ":empty:"),
        ("a:at:b", "a:colon:at:colon:b"),
        ("a:b@c", "a:colon:b:at:c"),
    ],
)
def test_a_name_is_as_it_was_or_spelt_out(name, expected):
    assert legal(name) == expected


def test_no_two_names_become_one_and_each_is_legal():
    parts = ["a", ":", "/", ".", "@", "at", "u40", "\n", "ü", " "]
    names = {"".join(some) for n in range(5) for some in product(parts, repeat=n)}
    names |= {
        f"a{word}b" for word in (*WORDS, *(f":{word}:" for word in WORDS.values()), ":empty:", ":long:")
    }
    names |= {LONG + end for end in ("x", "y", "@", "/")} | {legal(LONG + "x"), "val/acc", "VAL/ACC"}
    forms = {name: legal(name) for name in names}
    assert len(set(forms.values())) == len(names)
    for form in forms.values():
        assert 0 < len(form) <= LONGEST
        assert re.fullmatch(r"[/\w.\- :]+", form)
        for validate in (_validate_metric_name, _validate_param_name, _validate_tag_name):
            validate(form)
