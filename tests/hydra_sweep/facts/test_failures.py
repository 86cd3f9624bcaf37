from optuna.trial import TrialState

from hydra_sweep.facts.failures import failures
from tests.hydra_sweep.facts.studies import seen, trial

MEMORY = "out of memory: CUDA out of memory. Tried to allocate {} GiB"
PRUNED = TrialState.PRUNED


def test_reasons_that_differ_in_numbers_and_paths_are_one():
    trials = [
        trial(reason="OSError: no /data/0/x.bin", traceback="Traceback\nOSError"),
        trial(reason="OSError: no /data/11/x.bin"),
        trial(reason=MEMORY.format("2.00"), state=PRUNED),
        trial(reason=MEMORY.format("3.50"), state=PRUNED),
        trial(reason="OSError: no /data/2/x.bin"),
        trial(reason="the metric is nan", state=PRUNED),
        trial(reason="not begun: breaks w < 3 by 2", state=PRUNED),
        trial(),
        trial(reason="MedianPruner after epoch 3, at val/acc=0.1", state=PRUNED),
        trial(state=PRUNED),
        trial({}, 1.0),
    ]
    found = failures(seen(trials))
    assert [(one["state"], one["trials"]) for one in found] == [
        ("failed", [0, 1, 4]),
        ("pruned", [2, 3]),
        ("pruned", [5]),
        ("pruned", [6]),
        ("failed", [7]),
    ]
    assert found[0]["reason"] == "OSError: no /data/0/x.bin"
    assert found[0]["excerpt"] == "Traceback\nOSError"
    assert found[4]["reason"] == "no reason is known"


def test_the_end_of_the_log_where_there_is_no_traceback(tmp_path):
    one = seen([trial(reason="killed"), trial(reason="raised", traceback="why")])
    one.folder = tmp_path
    (tmp_path / "0").mkdir()
    (tmp_path / "0" / "train.log").write_text("begin\n" + "x" * 2000 + "\npostgresql://u:secret@h/d\n")
    (first, second) = failures(one)
    assert first["log"] == "0/train.log"
    assert first["excerpt"].endswith("x\npostgresql://u:***@h/d")
    assert len(first["excerpt"]) < 1600
    assert (second["log"], second["excerpt"]) == (None, "why")
