from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest
from omegaconf import OmegaConf

from hydra_sweep.checks import search
from hydra_sweep.checks.search import check_search
from hydra_sweep.errors import SweepError
from hydra_sweep.settings import Settings
from hydra_sweep.space.grammar import parse_space

X = {"x": "interval(0.0,1.0)"}
LISTED = {"c": "choice(a,b)"}
LIST, PAIR = {"h": "tag(list:1:2,range(1,4))"}, {"h": "tag(list:2,range(1,4))"}


def check(sampler: str, params: dict, pruner: Any = "Nop", custom: str | None = None, **more) -> list[str]:
    target = sampler if sampler == "auto" else f"optuna.samplers.{sampler}Sampler"
    arguments = {key: more.pop(key) for key in ("scramble", "consider_pruned_trials") if key in more}
    if isinstance(pruner, str):
        pruner = OmegaConf.create({"_target_": f"optuna.pruners.{pruner}Pruner"})
    settings = Settings(
        sampler=OmegaConf.create({"_target_": target, "seed": None, **arguments}),
        pruner=pruner,
        study_name="toy",
        **more,
    )
    return check_search(SimpleNamespace(settings=settings, space=parse_space(params, [], custom)))


WARM = OmegaConf.create({"_target_": "optuna.pruners.MedianPruner", "n_warmup_steps": 2})
TWO = {"direction": ["minimize", "maximize"]}


@pytest.mark.parametrize(
    ("sampler", "params", "more", "said"),
    [
        ("CmaEs", LISTED, {}, "is for numbers, and only choices are searched"),
        ("CmaEs", X, TWO, "is for one objective"),
        ("QMC", X, {"custom": "some.function"}, "custom_search_space do not go together"),
        ("QMC", X, {"scramble": True}, r"needs a seed.*hydra\.sweeper\.seed"),
        ("BruteForce", {**LISTED, **X}, {}, r"of x, interval\(0\.0, 1\.0\), there is no end"),
        ("BruteForce", {"x": "tag(log,interval(1.0,9.0))"}, {}, "there is no end"),
        ("BruteForce", {"n": "range(1,4)", "m": "range(1,${n})"}, {}, "those of m are not. Choose.*=grid"),
        ("BruteForce", {"n": "tag(pow2,int(interval(1,9)))"}, {}, "those of n are not"),
    ],
)
def test_what_would_not_search_is_refused(sampler, params, more, said):
    with pytest.raises(SweepError, match=said):
        check(sampler, params, **more)


@pytest.mark.parametrize(
    ("pruner", "more", "said"),
    [
        ({"promote": True}, TWO, "promote=true: expected one objective, got several"),
        ({"promote": True}, {"wait": False, "trials_per_job": 2}, "trials_per_job=2 and wait=false"),
        ({"wrapped_pruner": {"promote": True}}, {}, "expected a pruner of its own. Choose .*=asha"),
        ({"promote": True}, {"wait": False}, None),
        ({"promote": False}, {**TWO, "wait": False, "trials_per_job": 2}, None),
        ({"wrapped_pruner": None}, {}, None),
    ],
)
def test_where_trials_cannot_be_promoted_it_is_refused(pruner, more, said):
    node = {"_target_": "hydra_sweep.pruners.AshaPruner", **pruner}
    with pytest.raises(SweepError, match=f"hydra.sweeper.pruner.*{said}") if said else nullcontext():
        check("TPE", X, pruner=OmegaConf.create(node), **more)


@pytest.mark.parametrize(
    ("sampler", "params", "more", "said"),
    [
        ("TPE", X, {"pruner": "Hyperband"}, []),
        ("QMC", X, {"scramble": True, "seed": 0}, []),
        ("CmaEs", X, {}, []),
        ("CmaEs", {**X, **LISTED}, {}, ["c is drawn at random"]),
        (
            "CmaEs",
            LISTED,
            {"custom": "some.function"},
            ["c is drawn", "not suggest in every trial"],
        ),
        ("CmaEs", X, {"pruner": "Median", "consider_pruned_trials": True}, []),
        ("GP", {**X, **LISTED}, {"custom": "some.function"}, ["does not suggest in every trial"]),
        ("GP", X, {"pruner": "Median"}, ["learns nothing of trials that MedianPruner stops"]),
        ("NSGAII", X, {"pruner": "Hyperband", **TWO}, ["No trial is pruned: HyperbandPruner"]),
        (
            "TPE",
            X,
            {"pruner": WARM, "fidelity": {"a": [1, 2]}},
            ["No trial is pruned: MedianPruner waits for 2 runs of each of 2 ("],
        ),
        ("TPE", X, {"pruner": WARM, "fidelity": {"a": [1, 2, 3]}}, []),
        ("auto", X, {"pruner": "Median", **TWO}, ["auto: GPSampler, NSGAIISampler", "No trial is pruned"]),
        ("auto", X, {"pruner": "Median"}, ["auto: TPESampler, for trials may be pruned"]),
        ("auto", LIST, {}, ["auto: TPESampler, for only some trials have some of the parameters"]),
        ("auto", PAIR, {}, ["auto: GPSampler"]),
        ("TPE", LIST, {}, []),
        ("QMC", LIST, {}, []),
        ("BruteForce", LIST, {}, []),
        *[(one, LIST, {}, ["what only some trials have: h."]) for one in ("GP", "CmaEs", "NSGAII")],
        ("GP", PAIR, {}, []),
        ("BruteForce", {**LISTED, "one": "interval(1.0,1.0)", "n": "tag(log,int(interval(1,9)))"}, {}, []),
    ],
)
def test_what_is_less_than_its_name_is_told(sampler, params, more, said):
    lines = check(sampler, params, **more)
    assert len(lines) == len(said)
    for line, expected in zip(lines, said, strict=True):
        assert expected in line


@pytest.mark.parametrize(
    ("sampler", "pruner", "package"),
    [
        ("GP", "Nop", "scipy"),
        ("CmaEs", "Nop", "cmaes"),
        ("QMC", "Nop", "scipy"),
        ("auto", "Nop", "scipy"),
        ("TPE", "Wilcoxon", "scipy"),
    ],
)
def test_a_package_that_is_missing_is_told(monkeypatch, sampler, pruner, package):
    monkeypatch.setattr(search, "find_spec", lambda name: None)
    with pytest.raises(SweepError, match=rf"Install the package {package}\."):
        check(sampler, X, pruner)
