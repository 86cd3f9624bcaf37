import os
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path
from threading import Barrier

import pytest
from alembic.runtime.migration import MigrationContext
from optuna.storages._rdb.models import BaseModel
from sqlalchemy import event

from hydra_sweep.errors import SweepError
from hydra_sweep.study.storage import StudyAddress, absolute

URL = "postgresql://tester:planted@"


def refusal(folder: Path, storage: object = None) -> str:
    """What is said, in one line and without the password, of a storage that is only looked for."""
    before = sorted(folder.rglob("*"))
    with pytest.raises(SweepError) as caught:
        StudyAddress("toy", folder / "sweep", storage).load_existing()
    assert sorted(folder.rglob("*")) == before
    said = str(caught.value)
    assert "\n" not in said
    assert "planted" not in said
    return said


@pytest.mark.parametrize(
    ("storage", "message"),
    [
        (
            "postgrs://tester:planted@host/db",
            "Can't load plugin: sqlalchemy.dialects:postgrs",
        ),
        ("nonsense", "Could not parse SQLAlchemy URL"),
        (f"{URL}host:port/db", "invalid literal for int()"),
        (f"{URL}127.0.0.1:1/db", "Connection refused"),
        (f"{URL}nowhere.invalid/db", "nowhere.invalid"),
        ("mysql://tester:planted@host/db", "Install the package mysqlclient"),
        ("redis://host", "Can't load plugin"),
        ("sqlite://", "in memory, where workers cannot reach it"),
        ("sqlite:///:memory:", "in memory, where workers cannot reach it"),
        ({"_target_": "optuna.storages.InMemoryStorage"}, "in memory, where workers cannot reach it"),
        ({"_target_": "optuna.storages.Nothing"}, "optuna.storages.Nothing"),
        ({"_target_": "optuna.storages.RDBStorage"}, "missing 1 required positional argument: 'url'"),
        ({"_target_": "optuna.storages.RDBStorage", "url": f"{URL}127.0.0.1:1/db"}, "Connection refused"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(tmp_path, storage, message):
    said = refusal(tmp_path, storage)
    assert message in said
    assert any(step in said for step in ("hydra.sweeper.storage is null", "Install", "Is the server up"))


def test_a_wrong_password_and_database(postgres, tmp_path):
    assert 'password authentication failed for user "tester"' in refusal(
        tmp_path, postgres.url(password="planted")
    )
    said = refusal(tmp_path, postgres.url("missing"))
    assert 'database "missing" does not exist' in said


def test_what_is_no_database(tmp_path):
    (tmp_path / "study.db").write_text("not a database at all\n" * 100)
    assert "file is not a database" in refusal(tmp_path, f"sqlite:///{tmp_path}/study.db")


@pytest.mark.parametrize("storage", [None, "sqlite:///{}/sweep/study.db"])
def test_folders_that_cannot_be_made_or_written(tmp_path, storage):
    storage = storage and storage.format(tmp_path)
    (tmp_path / "sweep").touch()
    assert f"{tmp_path}/sweep is no folder" in refusal(tmp_path, storage)
    (tmp_path / "sweep").unlink()
    (tmp_path / "sweep" / ("study.db" if storage else "study.journal")).mkdir(parents=True)
    assert "is a folder" in refusal(tmp_path, storage)


@pytest.mark.parametrize("storage", [None, "sqlite:///{}/sweep/study.db"])
def test_a_folder_of_another_user(tmp_path, monkeypatch, storage):
    monkeypatch.setattr(os, "access", lambda path, mode: str(path) != str(tmp_path))  # root may write all
    assert f"{tmp_path} may not be written" in refusal(tmp_path, storage and storage.format(tmp_path))


@pytest.mark.parametrize("storage", [None, "sqlite:///{}/sweep/study.db"])
def test_looking_for_a_study_creates_no_file(tmp_path, storage):
    address = StudyAddress("toy", tmp_path / "sweep", storage and storage.format(tmp_path))
    assert address.load_existing() is None
    assert list(tmp_path.iterdir()) == []
    address.create(["maximize"], {})
    assert address.load_existing().trials == []


@pytest.mark.parametrize(
    ("storage", "expected"),
    [
        ("sqlite:///study.db", "sqlite:////here/study.db"),
        ("sqlite:///./logs//study.db?timeout=9", "sqlite:////here/logs/study.db?timeout=9"),
        ("sqlite+pysqlite:////there/study.db", "sqlite+pysqlite:////there/study.db"),
        ("postgresql://user@host/db?a=b", "postgresql://user@host/db?a=b"),
        (None, None),
    ],
)
def test_a_sqlite_file_is_the_same_from_any_working_directory(monkeypatch, storage, expected):
    monkeypatch.setattr(os, "getcwd", lambda: "/here")
    assert absolute(storage) == expected


@pytest.fixture(params=["postgresql node", "postgresql", "sqlite node", "sqlite"])
def empty(request, postgres, tmp_path) -> object:
    """A database in which no table was made yet, as `hydra.sweeper.storage`."""
    is_sqlite = request.param.startswith("sqlite")
    url = f"sqlite:///{tmp_path}/study.db" if is_sqlite else postgres.new_database()
    if "node" not in request.param:
        return url
    # leaves no connection that warns when it is forgotten
    no_pool = {"poolclass": {"_target_": "hydra.utils.get_class", "path": "sqlalchemy.pool.NullPool"}}
    return {"_target_": "optuna.storages.RDBStorage", "url": url, "engine_kwargs": no_pool}


@pytest.mark.parametrize("step", ["tables", "version"])
def test_a_database_that_two_open_before_there_is_anything_in_it(empty, tmp_path, monkeypatch, step):
    """Two sweeps begun together, or `status` while one begins: each has seen that nothing is there."""
    both_have_looked, arrivals = Barrier(2, timeout=30), count()

    def wait(*_: object, **__: object) -> None:
        if next(arrivals) < 2:  # whoever looks again finds what it missed
            both_have_looked.wait()

    if step == "tables":
        event.listen(BaseModel.metadata, "before_create", wait, insert=True)  # before the types
    else:
        stamp = MigrationContext.stamp
        monkeypatch.setattr(MigrationContext, "stamp", lambda *args: (wait(), stamp(*args)))
    try:
        addresses = [StudyAddress(name, tmp_path, empty) for name in ("one", "other")]
        with ThreadPoolExecutor(2) as threads:
            studies = list(threads.map(lambda address: address.create(["minimize"], {}), addresses))
    finally:
        if step == "tables":
            event.remove(BaseModel.metadata, "before_create", wait)
    assert next(arrivals) >= 2
    for study in studies:
        study.tell(study.ask(), 1.0)
    assert [address.load().best_value for address in addresses] == [1.0, 1.0]
