import multiprocessing
from pathlib import Path

import pytest

from hydra_sweep.study.trial_folder import claim_folder, set_aside


@pytest.fixture
def sweep(tmp_path) -> Path:
    for name in ("workers", "code", "taken"):
        (tmp_path / "sweep" / name).mkdir(parents=True)
    (tmp_path / "sweep/study.journal").touch()
    return tmp_path / "sweep"


LONG = "é" * 200


@pytest.mark.parametrize(
    ("wanted", "got"),
    [
        ("3", "3"),
        ("lr=0.1", "lr=0.1"),
        ("3_lr=0.1", "3_lr=0.1"),
        ("model=cnn/small", "model=cnn/small"),
        ("3/inner", "3/inner"),
        ("taken", "taken_3"),  # whatever is in it
        ("../beside", "../beside"),
        ("7", "3"),  # another trial's, perhaps
        ("7/inner", "3"),
        ("workers", "3"),
        ("code/inner", "3"),
        ("study.journal", "3"),
        ("optimization_results.yaml", "3"),  # which is yet to be written
        (".", "3"),
        ("..", "3"),
        (LONG, "é" * 127),  # 254 bytes
    ],
)
def test_a_trial_has_the_folder_that_it_asks_for_if_that_is_free(sweep, wanted, got):
    folder = claim_folder(sweep, 3, Path(f"{sweep}/{wanted}").resolve())
    assert folder.is_dir()
    assert folder == (sweep / got).resolve()
    assert (sweep / "3").resolve() in (folder, *folder.parents)


@pytest.mark.parametrize("wanted", ["trial", LONG, "a/b"])
def test_no_two_trials_have_one(sweep, wanted):
    folders = [claim_folder(sweep, number, sweep / wanted) for number in range(4)]
    assert len(set(folders)) == 4
    assert all((sweep / str(number)).samefile(folder) for number, folder in enumerate(folders))


def test_another_attempt_has_the_same_whatever_it_asks_for(sweep):
    first = claim_folder(sweep, 3, sweep / "job_17")
    assert claim_folder(sweep, 3, sweep / "job_18") == first
    assert not (sweep / "job_18").exists()


def test_folders_may_be_elsewhere(sweep, tmp_path):
    folders = [claim_folder(sweep, number, tmp_path / "else" / "x") for number in range(2)]
    assert folders == [tmp_path / "else" / "x", tmp_path / "else" / "x_1"]
    assert claim_folder(sweep, 1, tmp_path / "other") == folders[1]


def test_the_sweeps_folder_may_be_moved(sweep, tmp_path):
    claim_folder(sweep, 3, sweep / "a" / "b")
    moved = sweep.rename(tmp_path / "moved")
    assert claim_folder(moved, 3, moved / "c") == moved / "a" / "b"


def claim_all(sweep: Path) -> list[Path]:
    return [claim_folder(sweep, number, sweep / f"x={number % 7}") for number in range(100)]


def test_ranks_of_a_trial_get_the_same(sweep):
    with multiprocessing.get_context("fork").Pool(4) as ranks:
        claims = ranks.map_async(claim_all, [sweep] * 4, chunksize=1).get(timeout=30)
    assert claims[0] == claims[1] == claims[2] == claims[3]
    assert len(set(claims[0])) == 100


@pytest.mark.parametrize("wanted", ["3", "lr=0.1", "model=cnn/small", "../beside", LONG])
def test_one_that_is_set_aside_leaves_its_place(sweep, wanted):
    assert set_aside(sweep, 3) is None
    asides = []
    for n in (1, 2):
        folder = claim_folder(sweep, 3, Path(f"{sweep}/{wanted}").resolve())
        (folder / "n").write_text(str(n))
        asides.append(set_aside(sweep, 3))
        assert asides[-1].parent == folder.parent
        assert asides[-1].name.endswith(f"_before_retry_{n}")
    assert [(aside / "n").read_text() for aside in asides] == ["1", "2"]
    assert not (sweep / "3").is_symlink()
    assert list(claim_folder(sweep, 3, sweep / "new").iterdir()) == []
