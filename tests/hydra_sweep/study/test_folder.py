import pytest

from hydra_sweep.errors import SweepError
from hydra_sweep.study.folder import check_home, make_home
from hydra_sweep.study.storage import StudyAddress


@pytest.fixture
def addresses(tmp_path) -> list[StudyAddress]:
    """Of one study, as two checkouts see it."""
    folders = [tmp_path / name for name in ("here", "there")]
    for folder in folders:
        folder.mkdir()
    return [StudyAddress("toy", folder, f"sqlite:///{tmp_path}/study.db") for folder in folders]


def test_a_study_in_a_database_is_for_one_folder_alone(addresses):
    here, there = addresses
    make_home(here.create(["maximize"], {}), here)
    check_home(here.load(), here)
    for ask in (check_home, make_home):
        with pytest.raises(SweepError, match=rf"another folder, {here.folder} on .*study=new"):
            ask(there.load(), there)
    assert list(there.folder.iterdir()) == []


def test_the_folder_may_be_moved(addresses, tmp_path):
    here, _ = addresses
    make_home(here.create(["maximize"], {}), here)
    here.folder.rename(tmp_path / "moved")
    check_home(here.load(), StudyAddress("toy", tmp_path / "moved", here.storage))


def test_a_study_in_its_own_folder_needs_no_mark(tmp_path):
    address = StudyAddress("toy", tmp_path)
    study = address.create(["maximize"], {})
    make_home(study, address)
    check_home(study, address)
    assert [path.name for path in tmp_path.iterdir()] == ["study.journal"]
