"""Facts of odd studies.

python -m tests.hydra_sweep.report.page.examples report.html [plausible|thousand|several|…]
"""

import copy
import sys
from pathlib import Path
from typing import Any

from hydra_sweep.report.page import render
from tests.hydra_sweep.report.page.plausible import DROPOUT, UNKNOWN, WIDTH, Facts, around, plausible


def changed(data: Facts, **keys: Any) -> Facts:
    data = copy.deepcopy(data)
    data["studies"][0].update(keys)
    return data


def empty() -> Facts:
    data = around([], [], [], 20)
    return changed(data, state="running", importance_note="No trial is complete.")


def one_trial() -> Facts:
    return plausible(1)


def confirmed() -> Facts:
    data = plausible(6)
    study = data["studies"][0]
    (best,) = (trial for trial in study["trials"] if trial["number"] == study["best"][0])
    best["again"] = [0.25, 0.75]
    return data


def all_failed() -> Facts:
    data = plausible(6)
    study = data["studies"][0]
    for trial in study["trials"]:
        trial |= {"state": "failed", "values": None, "curve": [], "reason": "ValueError: no such optimizer"}
    for one in study["timeline"]:
        one["how"] = "failed"
    failure = {"reason": "ValueError: no such optimizer", "state": "failed", "trials": list(range(6))}
    failures = [{**failure, "log": "0/train.log", "excerpt": "ValueError: no such optimizer"}]
    counts = {"complete": 0, "failed": 6}
    return changed(
        data, best=[], counts=counts, failures=failures, state="stopped", why="6 of 6 failed", **UNKNOWN
    )


def two_objectives() -> Facts:
    """Accuracy against latency, with a constraint that some break."""
    data = plausible(40, seed=5)
    study = data["studies"][0]
    for trial in study["trials"]:
        if trial["state"] == "pruned":
            trial |= {"state": "complete", "values": [trial["curve"][-1][1]]}
        if trial["values"]:
            latency = 2 + trial["params"][WIDTH] / 20 + trial["params"][DROPOUT]
            trial |= {"values": [trial["values"][0], latency], "feasible": latency < 13, "curve": []}
    complete = [t for t in study["trials"] if t["values"] and t["feasible"]]
    front = [t for t in complete if not any(dominates(o, t) for o in complete)]
    objectives = [
        {"name": "val/acc_best", "direction": "maximize"},
        {"name": "latency_ms", "direction": "minimize"},
    ]
    best = [t["number"] for t in sorted(front, key=lambda t: -t["values"][0])]
    counts = {"complete": sum(bool(t["values"]) for t in study["trials"]), "failed": len(study["failures"])}
    return changed(data, objectives=objectives, best=best, counts=counts, verdict=None)


def dominates(one: Facts, other: Facts) -> bool:
    (a, b), (c, d) = one["values"], other["values"]
    return a >= c and b <= d and (a, b) != (c, d)


def several() -> Facts:
    data, other = plausible(), plausible(50, seed=8)
    other["studies"][0] |= {"name": "mnist_random", "setup": [["sampler", "RandomSampler"]]}
    data["studies"] += other["studies"]
    data["differences"] = [{"what": "sampler", "values": ["TPESampler", "RandomSampler"]}]
    data["differences"] += [{"what": "model.net.width", "values": ["range(32, 257)", None]}]
    return data


def thirty_parameters() -> Facts:
    """With long names, and a loss that diverged."""
    data = plausible(50)
    study = data["studies"][0]
    for i in range(24):
        name = f"model.encoder.blocks.attention.projection_{i}.regularization_strength"
        param = {
            "name": name,
            "label": f"projection_{i}.regularization_strength",
            "kind": "float",
            "log": False,
        }
        study["params"].append({**param, "low": 0, "high": 1, "choices": [], "words": "interval(0, 1)"})
        for trial in study["trials"][i:]:
            trial["params"][name] = (trial["number"] * (i + 3) % 17) / 17
    next(t for t in study["trials"] if t["values"])["values"] = [-1e6]
    return data


def hostile() -> Facts:
    """Every text tries to become markup."""
    bad = "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>{{data}}"
    data = plausible(12)
    study = data["studies"][0]
    for trial in study["trials"]:
        trial |= {"reason": bad, "command": bad, "worker": bad, "folder": "javascript:window.hacked=1"}
    for param in study["params"]:
        param |= {"label": bad, "words": bad}
        param["choices"] = [*param["choices"], bad] if param["choices"] else []
    for one in study["timeline"]:
        one |= {"worker": bad, "note": bad}
    hint = {"kind": "edge", "title": bad, "text": bad, "do": bad}
    failure = {
        "reason": bad,
        "state": "failed",
        "trials": [0],
        "log": "javascript:window.hacked=1",
        "excerpt": bad,
    }
    texts = {"name": bad, "why": bad, "verdict": bad, "importance_note": bad, "command": bad, "folder": bad}
    objective = [{"name": bad, "direction": "maximize"}]
    return changed(
        data, hints=[hint], failures=[failure], setup=[[bad, bad]], objectives=objective, **texts
    )


def running() -> Facts:
    """One that goes on, with trials that run, have paused and wait; its page looks again now and then."""
    data = plausible(30)
    study = data["studies"][0]
    unended = {"values": None, "ended": None, "seconds": None, "reason": None, "command": None}
    for number, state in ((30, "running"), (31, "running"), (32, "paused")):
        like = study["trials"][number - 20]
        curve = like["curve"][:2]
        study["trials"].append({**like, **unended, "number": number, "state": state, "curve": curve})
    pause = {"trial": 32, "attempt": 0, "how": "paused", "note": "step 2"}
    study["timeline"].append({**study["timeline"][-1], **pause})
    waiting = {**unended, "state": "queued", "params": {}, "curve": [], "begun": None, "worker": None}
    study["trials"] += [{**like, **waiting, "number": number, "folder": None} for number in range(33, 60)]
    counts = study["counts"] | {"running": 2, "paused": 1, "queued": 27}
    return {**changed(data, state="running", n_trials=60, ended=None, counts=counts), "refresh_s": 30}


def waiting() -> Facts:
    """One whose trials all wait."""
    data = running()
    study = data["studies"][0]
    queued = [{**study["trials"][-1], "number": number} for number in range(60)]
    nothing = {"timeline": [], "idle": [], "failures": [], "best": [], "begun": None}
    return changed(data, trials=queued, counts={"queued": 60}, **nothing, **UNKNOWN)


def thousand() -> Facts:
    return plausible(1000, points=50, slots=8)


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(globals()[(sys.argv[2:] or ["plausible"])[0]]()))
