"""A tracking server that is killed, and one that comes back."""

from hydra_sweep.mlflow import tracker


def test_a_server_that_is_killed_costs_a_sweep_nothing(sweep, server, monkeypatch, capsys):
    monkeypatch.setattr(tracker, "PAUSE_S", 0.0)
    monkeypatch.setattr(tracker, "PAUSE_FACTOR", 0)
    sweep.uri = server.uri
    sweep.prepare()
    sweep.train([0.1, 0.3])
    sweep.train([0.2, 0.4], between=server.kill)
    sweep.train([0.5])
    assert sweep.finish() == []
    assert "the same command writes what MLflow misses" in capsys.readouterr().out
    sweep.prepare()
    assert "The sweep goes on" in capsys.readouterr().out

    server.start()
    sweep.train([0.1, 0.6])
    assert sweep.finish()[0].startswith(f"open '{server.uri}/#/")
    sweep.assert_in_line()

    sweep.client.delete_experiment(sweep.runs()[0].info.experiment_id)
    sweep.prepare()
    assert "experiment train was deleted: the runs are in train_2" in capsys.readouterr().out
    sweep.finish()
    sweep.assert_in_line()
