import pytest

from hydra_sweep.mlflow import tracker
from hydra_sweep.mlflow.address import PARENT_RUN, experiment_that_shows, look_further

PAGE = "#/experiments/3/runs?viewStateShareKey=p&compareRunsMode=CHART&workflowType=machine_learning"


@pytest.mark.parametrize(
    ("uri", "commands"),
    [
        (
            "sqlite:////a/./b.db",
            ["mlflow ui --backend-store-uri sqlite:////a/b.db", f"open 'http://127.0.0.1:5000/{PAGE}'"],
        ),
        ("https://me:planted@host/path", [f"open 'https://me:***@host/path/{PAGE}'"]),
        (
            "postgresql://me:pl%40nted@host/db",
            [
                "mlflow ui --backend-store-uri postgresql://me:***@host/db",
                f"open 'http://127.0.0.1:5000/{PAGE}'",
            ],
        ),
    ],
)
def test_the_commands_to_look_show_no_password(uri, commands):
    assert look_further(uri, 3, "p") == commands


def test_a_file_that_shows_all_is_left_alone_and_no_other(sweep, monkeypatch):
    def shown() -> bool:
        parent = sweep.study.user_attrs.get(PARENT_RUN)
        return experiment_that_shows(sweep.uri, parent, sweep.study.trials) is not None

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
