"""Too large a model: a trial that the sampler is to avoid."""

from tests.field.table import swept


def test_a_net_that_fits_nowhere_is_pruned(train, tmp_path):
    search = ("hydra/sweeper/sampler=grid", "hydra.sweeper.params=null", "hydra.sweeper.n_trials=3")
    # the last overflows the count of bytes itself
    sizes = "model.net.lin1_size=choice(64,2000000000,9000000000000000)"
    small, *large = sorted(swept(train, tmp_path, *search, sizes), key=lambda one: max(one.params.values()))
    assert small.state.name == "COMPLETE"
    assert [one.state.name for one in large] == ["PRUNED"] * 2
    assert all(one.user_attrs["reason"].startswith("out of memory: ") for one in large)
