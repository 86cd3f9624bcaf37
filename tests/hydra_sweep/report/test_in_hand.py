from types import SimpleNamespace

import optuna

from hydra_sweep.report.in_hand import keep_best


def test_a_folder_of_the_users_is_left_alone(tmp_path, capsys):
    mine = tmp_path / "best" / "mine"
    mine.parent.mkdir()
    mine.touch()
    study = optuna.create_study()
    study.add_trial(optuna.create_trial(value=1.0))
    sweep = SimpleNamespace(
        address=SimpleNamespace(folder=tmp_path), settings=SimpleNamespace(directions=["minimize"])
    )
    keep_best(study.trials, study, sweep)
    assert "best is not the sweep's" in capsys.readouterr().out
    assert list(tmp_path.rglob("*")) == [mine.parent, mine]
