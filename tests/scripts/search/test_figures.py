import pytest

from scripts.search.figures import figures, slowness
from scripts.search.simulation import Sweep

N = 20


def sweep(share: float, seconds: float = 1.0) -> Sweep:
    """Whose last trial, of each ten, finds the share."""
    shares = [share if i % 10 == 9 else 1.0 for i in range(N)]
    return Sweep(losses=shares, shares=shares, ends=[seconds * (i + 1) for i in range(N)])


def both(theirs: dict[tuple[str, int], Sweep], ours: float = 0.01) -> dict:
    sweeps = {("other", 4, *key): one for key, one in theirs.items()}
    return sweeps | {("ours", 4, *key): sweep(ours) for key in theirs}


def test_the_ratio_of_geometric_means():
    found = figures(both({("a/a", 0): sweep(0.02), ("a/b", 0): sweep(0.08)}), "other", 4)
    assert found["10 trials"].share == pytest.approx(0.04)
    assert found["10 trials"].ratio == pytest.approx(4)
    assert found["10 trials"].low == pytest.approx(2)
    assert found["10 trials"].high == pytest.approx(8)
    assert found["10 trials"].less_on == 0
    assert "60 trials" not in found


def test_at_the_time_that_ours_took():
    assert figures(both({("a/a", 0): sweep(0.02, seconds=3)}), "other", 4)["time of 20"].ratio == (
        pytest.approx(100)
    )


def test_how_long_it_takes():
    sweeps = both({("a/a", 0): sweep(0.02, seconds=3), ("a/b", 0): sweep(0.02, seconds=27)})
    assert slowness(sweeps, "other", 4, n=20) == pytest.approx(9)


def test_only_seeds_that_all_tables_have():
    found = figures(
        both({("a/a", 0): sweep(0.02), ("a/b", 0): sweep(0.02), ("a/a", 1): sweep(0.5)}), "other", 4
    )
    assert found["20 trials"].ratio == pytest.approx(2)
    assert (found["20 trials"].tables, found["20 trials"].seeds) == (2, 1)


def test_on_which_tables_the_median_is_less():
    shares = {("a/a", 0): 0.001, ("a/a", 1): 0.002, ("a/a", 2): 0.9, ("a/b", 0): 0.5, ("a/b", 1): 0.5}
    found = figures(
        both({key: sweep(share) for key, share in {**shares, ("a/b", 2): 0.001}.items()}), "other", 4
    )
    assert found["20 trials"].less_on == 1


def test_only_a_family():
    sweeps = both({("a/a", 0): sweep(0.02), ("b/b", 0): sweep(0.5)})
    assert figures(sweeps, "other", 4, "a")["10 trials"].ratio == pytest.approx(2)
    assert figures(sweeps, "another", 4) == {}
