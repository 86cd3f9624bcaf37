import pytest

from hydra_sweep.mlflow import tracker
from hydra_sweep.mlflow.address import PARENT_RUN, shows_all, ui_command


@pytest.mark.parametrize(
    ("uri", "command"),
    [
        ("sqlite:////a/./b.db", "mlflow ui --backend-store-uri sqlite:////a/b.db"),
        ("https://me:planted@host/path", "open https://me:***@host/path"),
        ("postgresql://me:pl%40nted@host/db", "mlflow ui --backend-store-uri postgresql://me:***@host/db"),
    ],
)
def test_the_command_to_look_shows_no_password(uri, command):
    assert ui_command(uri) == command


def test_a_file_that_shows_all_is_left_alone_and_no_other(sweep, monkeypatch):
    def shown() -> bool:
        return shows_all(sweep.uri, sweep.study.user_attrs.get(PARENT_RUN), sweep.study.trials)

    sweep.prepare()
    sweep.train([0.1, 0.3])
    assert not shown()
    sweep.finish()
    assert shown()
    with monkeypatch.context() as without_mlflow:
        without_mlflow.setattr(tracker, "_open", None)
        sweep.tracker = tracker.Tracker()  # of the same command again
        assert "mlflow ui" in sweep.finish()[0]
    child = sweep.runs()[1][0].info.run_id
    sweep.client.delete_run(child)
    assert not shown()
    sweep.client.restore_run(child)
    assert shown()
    sweep.client.delete_experiment(sweep.runs()[0].info.experiment_id)
    assert not shown()
    sweep.uri = "sqlite:////no/such/file.db"
    assert not shown()
    sweep.uri = "http://127.0.0.1:9"
    assert not shown()
