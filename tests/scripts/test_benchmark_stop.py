import numpy as np
import pytest

from scripts.benchmark_stop import ended, expected_gain, patience
from scripts.search.simulation import Sweep


def test_patience_ends_where_it_is_over():
    losses = np.array([3.0, 2.0, 2.5, 2.5, 1.0, 2.0, 2.0, 2.0])
    assert [patience(most)(losses, 0.1) for most in (2, 3, 9)] == [4, 8, 8]


def test_what_ends_a_sweep_is_told_in_units_of_the_noise():
    # the third to begin is the first to end
    sweep = Sweep([0.5, 0.2, 0.4], [1.0, 0.3, 0.6], [2.0, 3.0, 1.0], [0.5, 0.3, 0.4])
    assert ended(sweep, 0.1, lambda losses, _: 2) == (2, pytest.approx(1.0))
    assert ended(sweep, 0.1, lambda losses, _: 3) == (3, 0)


def test_the_rule_is_the_sweepers():
    flat = np.full(50, 0.5)
    assert expected_gain(flat, 0.1) == 20
    assert expected_gain(np.linspace(1, 0, 50), 0.01) > 40
