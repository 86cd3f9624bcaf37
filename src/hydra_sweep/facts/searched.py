"""What was searched and how, in words: by what the study keeps of it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution

from hydra_sweep.facts.attempts import attempts
from hydra_sweep.facts.seen import Seen, label
from hydra_sweep.space.lists import key_of
from hydra_sweep.space.text import scalar
from hydra_sweep.study.secrets import masked
from hydra_sweep.study.sweep_study import BUDGET, CONSTRAINTS


def parameters(seen: Seen) -> list[dict[str, Any]]:
    """Of each its range, as the newest trial has it; the words are those of the sweep's configuration."""
    found, words = seen.distributions, seen.attrs.get("space", {})
    return [
        {
            "name": name,
            "label": label(name, found),
            "kind": _kind(one),
            "log": getattr(one, "log", False),
            "low": getattr(one, "low", None),
            "high": getattr(one, "high", None),
            "choices": [scalar(choice) for choice in getattr(one, "choices", ())],
            "words": words.get(key_of(name, found), str(one)),
        }
        for name, one in found.items()
        if not one.single()
    ]


def setup(seen: Seen) -> list[list[str]]:
    """Pairs of what and how."""
    started, attrs = seen.started_with, seen.attrs
    workers = {one.worker for trial in seen.trials for one in attempts(trial) if one.worker}
    rows = [
        ("sampler", _made(started.get("sampler"))),
        ("pruner", _made(started.get("pruner"))),
        ("space by", attrs.get("space", {}).get("custom_search_space")),
        ("fixed", " ".join(map(masked, started.get("overrides") or ()))),
        ("constraints", "; ".join(attrs.get(CONSTRAINTS) or ())),
        ("trials asked for", attrs.get(BUDGET)),
        ("workers seen", len(workers) or None),
        ("slots of each", started.get("slots")),
        ("trials per job", started.get("trials_per_job")),
        ("seed of the sampler", started.get("seed")),
        ("prior", _words(started.get("prior"))),
        ("stop", _words(started.get("stop"))),
        ("warm start", _words(started.get("warm_start"))),
        ("code", "; then ".join(map(_code, attrs.get("code") or ()))),
        ("folder", str(seen.folder) if seen.folder else None),
    ]
    return [[what, str(how)] for what, how in rows if how not in (None, "")]


def differences(named: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """In what studies differ, of their facts: what was measured, searched, and how."""
    tables = [_comparable(one) for one in named]
    keys = list(dict.fromkeys(key for table in tables for key in table))
    rows = [{"what": key, "values": [table.get(key, "-") for table in tables]} for key in keys]
    return [row for row in rows if len(set(row["values"])) > 1]


def _comparable(study: Mapping[str, Any]) -> dict[str, str]:
    goals = [f"{one['direction']} {one['name']}" for one in study["objectives"]]
    return {
        "objective": ", ".join(goals),
        **{one["name"]: one["words"] for one in study["params"]},
        **{what: how for what, how in study["setup"] if what not in ("folder", "workers seen")},
    }


def _made(node: Mapping[str, Any] | None) -> str | None:
    """The class of a node, and its arguments that say something."""
    if not node:
        return None
    given = {key: value for key, value in node.items() if key != "_target_" and value is not None}
    name = str(node.get("_target_", "")).rpartition(".")[2]
    words = ", ".join(f"{key}={_argument(value)}" for key, value in given.items())
    return f"{name}: {words}" if words else name


def _argument(value: Any) -> str:
    return f"({_made(value)})" if isinstance(value, Mapping) and "_target_" in value else _words(value)


def _words(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False) if value else "" if value in (None, [], {}) else str(value)


def _code(entry: Mapping[str, Any]) -> str:
    return entry["commit"][:7] + (", changed" if entry.get("dirty") else "")


def _kind(one: BaseDistribution) -> str:
    if isinstance(one, CategoricalDistribution):
        return "categorical"
    return "int" if isinstance(one, IntDistribution) else "float"
