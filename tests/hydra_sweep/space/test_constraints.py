import pickle
from math import inf

import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.space.constraints import distances, parse_constraint

SMALL = pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(
    ("text", "numbers", "distance"),
    [
        ("model.l1 * model.l2 <= 20_000", {"model.l1": 100, "model.l2": 201}, 100),
        ("test/latency_ms <= 5", {"test/latency_ms": 5.0}, 0),
        ("test/latency_ms < 5", {"test/latency_ms": 4.5}, -0.5),
        ("val/recall@10 > 0.25", {"val/recall@10": 0.75}, -0.5),
        ("a/b / 2 >= c", {"a/b": 3, "c": 2}, 0.5),
        ("0 < x < 5", {"x": 7}, 2),
        ("-x + 1 < 1e-3", {"x": 3}, -2.001),
        ("x % 2 == 0", {"x": 3}, 1),
        ("x != 3", {"x": 3}, 1),
        ("x != 3", {"x": 2}, 0),
        ("1/x < 3", {"x": 0}, inf),
        ("x ** 0.5 < 1", {"x": -1}, inf),
        ("x < 3", {"x": float("nan")}, inf),
        ("x // 2 < y", {"x": 5, "y": 3}, -1),
    ],
)
def test_by_how_much_it_is_broken(text, numbers, distance):
    constraint = pickle.loads(pickle.dumps(parse_constraint(text)))  # as it travels to workers
    assert set(constraint.names) == set(numbers)
    assert constraint.distance(numbers) == pytest.approx(distance)


@pytest.mark.parametrize("text", ["x < 3", "x > 3", "3 < x < 9"])
def test_what_is_equal_is_not_less(text):
    assert 0 < parse_constraint(text).distance({"x": 3}) < 1e-9


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "x",
            "x <",
            "x = 3",
            "3 < 4",
            "x < 'a'",
            "x < True",
            "x < y and x < 3",
            "not x < 3",
            "x in y",
        ),
        *("abs(x) < 1", "x[0] < 3", "(x < 1) * 3 < 1", "x < (y := 3)", "[x] < 3", "__import__('os') < 1"),
        *("x < 3; y < 2", "x is y", "x < 2j", "lambda: x < 1", "x @ y < 1", "x < 1\n" * 2),
    ],
)
def test_what_is_no_comparison_of_numbers_is_refused_in_one_line(text):
    with pytest.raises(
        SweepError, match=r"hydra\.sweeper\.constraints: .* Expected a comparison"
    ) as caught:
        parse_constraint(text)
    assert "\n" not in str(caught.value)


def test_one_with_a_name_that_has_no_number_says_nothing():
    both = parse_constraint("x < 3"), parse_constraint("x < y")
    assert distances(both, {"x": 5}) == {"x < 3": 2}
