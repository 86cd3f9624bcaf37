"""`report.html` of whole sweeps, by the real command."""

import json
import re
import time
from pathlib import Path

from tests.conftest import run_python
from tests.toy.sweeps import TWO_WORKERS, on

AGAIN = "hydra.sweeper.max_failure_rate=0.5"


def shown(file: Path) -> dict:
    """The facts of the one study in it, once it is there."""
    deadline = time.monotonic() + 60
    while not file.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    text = re.search(r'id="facts"[^>]*>(.*?)</script', file.read_text(), re.DOTALL)[1]
    return json.loads(text)["studies"][0]


def test_a_sweep_leaves_its_report(toy, tmp_path, database):
    what = "what={1: kill once, 2: raise, 3: 'not a number'}"
    done = toy(on(database), TWO_WORKERS, what, "steps=3", AGAIN)
    file = tmp_path / "multirun" / "toy" / "report.html"
    assert f"Look further:\n  {file}\n" in done.stdout
    one = shown(file)
    assert (one["state"], one["n_trials"], len(one["best"])) == ("complete", 4, 2)
    assert [len(row["curve"]) for row in one["trials"]] == [3, 3, 3, 3]
    assert [row["folder"] for row in one["trials"]] == ["0", "1", "2", "3"]
    of_killed = [stretch for stretch in one["timeline"] if stretch["trial"] == 1]  # by worker
    killed = sorted(of_killed, key=lambda stretch: stretch["attempt"])
    assert [(one["attempt"], one["how"], one["note"]) for one in killed] == [
        (0, "put back", "killed (SIGKILL)"),
        (1, "complete", None),
    ]
    assert all(one["worker"] and one["begun"] < one["ended"] for one in killed)
    assert killed[0]["ended"] <= killed[1]["begun"]
    reasons = {failure["reason"]: (failure["trials"], failure["log"]) for failure in one["failures"]}
    assert reasons == {
        "ValueError: the toy is broken": ([2], "2/toy.log"),
        "the metric is nan": ([3], "3/toy.log"),
    }
    file.unlink()
    again = ["report", str(file.parent), f"--storage={database}"]
    done = run_python("src/hydra_sweep/__main__.py", *again, cwd=tmp_path)
    assert done.stdout == f"report: {file}\n"
    assert shown(file)["timeline"] == one["timeline"]
