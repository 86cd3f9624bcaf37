import time
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from sqlalchemy import event

from hydra_sweep.study import database
from hydra_sweep.study.database import one_connection
from hydra_sweep.study.retry import patiently
from hydra_sweep.study.storage import StudyAddress


@pytest.fixture
def study(postgres, tmp_path: Path) -> optuna.Study:
    return StudyAddress("toy", tmp_path, postgres.new_database()).create(["minimize"], {})


def connections(postgres) -> int:
    postgres.execute("SELECT pg_stat_clear_snapshot()")
    return postgres.execute("SELECT count(*) FROM pg_stat_activity WHERE datname LIKE 'db%'")[0][0]


def test_what_is_done_in_one_connection_makes_no_other_and_leaves_none(study, postgres):
    made = []
    engine = study._storage._backend.engine
    event.listen(engine, "connect", lambda *_: made.append(1))
    with one_connection(study._storage):
        trial = study.ask()
        trial.suggest_float("x", 0, 1)
        study.tell(trial, 1.0)
        assert connections(postgres) == 1
    assert len(made) == 1
    deadline = time.monotonic() + 10
    while connections(postgres) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert connections(postgres) == 0
    assert study.trials[0].value == 1.0
    assert len(made) > 1


def test_a_server_that_is_started_again_meanwhile_is_waited_for(study, postgres):
    with one_connection(study._storage):
        study.set_user_attr("before", 1)
        postgres.stop()
        postgres.start()
        patiently(study.set_user_attr, "after", 2)
    assert study.user_attrs == {"before": 1, "after": 2}


def test_an_error_inside_is_rolled_back_alone(study):
    with one_connection(study._storage):
        with pytest.raises(StorageInternalError):
            study.set_user_attr("x\0", 1)
        study.set_user_attr("y", 2)
    assert study.user_attrs == {"y": 2}


def test_a_study_is_read_part_by_part(tmp_path, monkeypatch):
    monkeypatch.setattr(database, "PART", 3)
    address = StudyAddress("toy", tmp_path, f"sqlite:///{tmp_path}/study.db")
    study = address.create(["minimize"], {})
    for i in range(10):
        trial = study.ask()
        if i % 4:
            study.tell(trial, float(i))
    other = address.load()
    assert other.trials == study.trials
    study.tell(0, 7.0)
    study.ask()
    assert other.trials == study.trials
    assert len(other.trials) == 11
