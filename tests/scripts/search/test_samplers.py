import numpy as np
import pytest

from scripts.search.samplers import CONTESTANTS, VARIANTS
from scripts.search.simulation import simulate
from scripts.search.tables import Parameter, Table

SPACE = {"x": Parameter(10), "y": Parameter(10), "kind": Parameter(3, ordered=False)}


@pytest.fixture
def table():
    """Best where x and y are 7 and the kind is 1."""
    x, y, kind = np.indices((10, 10, 3))
    losses = (x - 7.0) ** 2 + (y - 7.0) ** 2 + 10 * (kind != 1)
    better = np.searchsorted(np.sort(losses, axis=None), losses)
    seconds = np.random.default_rng(0).uniform(1, 2, losses.shape)
    return Table("toy/toy", SPACE, losses[..., None], seconds[..., None], (better + 1) / losses.size)


@pytest.mark.filterwarnings("ignore")  # arguments that are deprecated or experimental
@pytest.mark.parametrize("name", [*CONTESTANTS, *sorted(VARIANTS.keys() - {"warm start", "gp"})])
def test_everybody_searches(table, name):
    one = {**CONTESTANTS, **VARIANTS}[name]

    def sweep():
        return simulate(table, one.search(table, 1), 1, workers=4, n_trials=40, in_batches=one.in_batches)

    first = sweep()
    assert first.found() < 0.2
    assert sweep() == first  # so that figures can be had again
