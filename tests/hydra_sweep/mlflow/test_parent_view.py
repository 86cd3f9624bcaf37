"""What the run of a sweep says of its trials together."""

from pathlib import Path

import pytest
from optuna import create_study
from optuna.trial import TrialState

from hydra_sweep.mlflow.figures import best_over_time, importance, totals


def test_the_parent_has_the_figures_and_the_configuration_of_the_sweep(sweep):
    sweep.cfg.data.data_dir = "https://me:planted@host/data"
    sweep.prepare()
    for values in ([0.1, 0.3], [0.1, 0.2], [0.1, 0.7]):
        sweep.train(values)
        assert sweep.follow() is None
    told = sweep.ask()
    sweep.study.tell(told, state=TrialState.FAIL)
    (sweep.folder / "report.html").write_text("<p>the report</p>")
    sweep.finish()
    parent, children = sweep.runs()
    assert sweep.curve(parent) == [0.3, 0.7]
    assert sweep.curve(parent, "trials/complete") == [1, 2, 3, 3]
    assert sweep.curve(parent, "trials/failed") == [0, 0, 0, 1]
    assert parent.data.params["direction"] == "minimize"  # of the test's settings
    shares = {key: value for key, value in parent.data.metrics.items() if key.startswith("importance/")}
    assert shares.keys() == {"importance/:plus:trainer.clip", "importance/common/callbacks:at:callbacks"}
    assert sum(shares.values()) == pytest.approx(1)
    files = {
        file.path: Path(sweep.client.download_artifacts(parent.info.run_id, file.path)).read_text()
        for file in sweep.client.list_artifacts(parent.info.run_id)
    }
    assert files.keys() == {"config.yaml", "sweeper.yaml", "report.html"}
    assert "https://me:***@host/data" in files["config.yaml"]
    assert "hydra:" not in files["config.yaml"].split("\n")
    assert {run.data.tags["attempts"] for run in children.values()} == {"1"}


def test_the_best_is_told_as_trials_end_whatever_their_numbers():
    study = create_study(direction="minimize")
    trials = [study.ask({}) for _ in range(6)]
    trials[2].set_constraint("memory", 1.0)
    values = {3: 0.9, 2: 0.1, 1: 0.9, 5: 0.8, 0: 0.8}
    for number, value in values.items():
        study.tell(trials[number], value)
    study.tell(trials[4], state=TrialState.PRUNED)
    found = best_over_time(study.trials, study.directions[0])
    assert [(best.n_ended, best.trial.number) for best in found] == [(1, 3), (4, 5)]
    assert totals(study.trials) | {"trials/hours": 0} == {
        "trials/complete": 5,
        "trials/pruned": 1,
        "trials/failed": 0,
        "trials/hours": 0,
    }
    assert importance(study) == {}
