from pathlib import Path

import optuna
import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.status.find import find
from hydra_sweep.study.storage import StudyAddress


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """Where there are two sweeps, as Hydra and as the template name them, and a database of two studies."""
    place = tmp_path_factory.mktemp("place")
    for folder in ("multirun/toy", "logs/train/multiruns/mnist"):
        StudyAddress(Path(folder).name, place / folder).create(["minimize"], {})
    for name in ("empty", "starting"):
        (place / "multirun" / name).mkdir()
    (place / "multirun/starting/study.journal").touch()
    for name in ("one", "other"):
        optuna.create_study(storage=f"sqlite:///{place}/others.db", study_name=name)
    return place


@pytest.fixture
def place(made, monkeypatch) -> Path:
    monkeypatch.chdir(made)
    return made


def test_by_folder_or_by_storage_and_name(place):
    study, folder = find("multirun/toy", None, None)
    assert (study.study_name, folder) == ("toy", place / "multirun/toy")
    study, folder = find(None, "sqlite:///others.db", "other")
    assert (study.study_name, folder) == ("other", None)


NEAR = ("multirun/toy", "logs/train/multiruns/mnist")


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ((None, None, None), ["Expected a sweep's folder", *NEAR]),
        ((".", None, None), [". is no sweep's folder: expected a study.journal in it", *NEAR]),
        (("multirun/tow", None, None), ["multirun/tow is no sweep's folder", NEAR[0]]),
        (("multirun/empty", None, None), ["multirun/empty is no sweep's folder", NEAR[0]]),
        (("multirun/starting", None, None), ["multirun/starting: its sweep is only starting"]),
        (("multirun/toy/3", None, None), ["multirun/toy/3 is no sweep's folder", NEAR[0]]),
        (("multirun/empty", "sqlite:///others.db", None), ["expected its study in that storage"]),
        ((None, "sqlite:///others.db", None), ["expected --study=NAME, one of: one, other."]),
        ((None, "sqlite:///others.db", "on"), ["Unknown study 'on'. Did you mean one?"]),
        (("multirun/toy", None, "one"), ["--study=one: expected without a folder"]),
        ((None, "sqlite:///no.db", None), ["There is no ", "no.db: expected the storage of a study."]),
    ],
)
def test_what_is_not_there_is_told_in_a_line_with_what_is(place, asked, said):
    before = sorted(place.rglob("*"))
    with pytest.raises(SweepError) as error:
        find(*asked)
    assert "\n" not in str(error.value)
    for part in said:
        assert part in str(error.value)
    assert sorted(place.rglob("*")) == before
