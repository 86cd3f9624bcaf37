"""How trials, their states and times are put in words, alike wherever they are shown."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

import optuna
from omegaconf import OmegaConf
from optuna.trial import FrozenTrial, TrialState

from hydra_sweep.pruners import PAUSED
from hydra_sweep.settings import AUTO, Settings
from hydra_sweep.space.lists import values
from hydra_sweep.study.best import broken_line
from hydra_sweep.sweep import Sweep

# of a parameter that a trial does not have
NONE = "-"
WORDS = {
    TrialState.WAITING: ("queued", "dim"),
    TrialState.RUNNING: ("running", "cyan"),
    PAUSED: ("paused", "blue"),
    TrialState.COMPLETE: ("done", "green"),
    TrialState.PRUNED: ("pruned", "yellow"),
    TrialState.FAIL: ("failed", "red"),
}


def metric_names(sweep: Sweep) -> list[str]:
    """What the configuration calls the metrics, where it follows lightning-hydra-template."""
    return _named(OmegaConf.select(sweep.config, "optimized_metric"), len(sweep.settings.directions))


def metrics_of(study: optuna.Study) -> list[str]:
    """Likewise by what the study keeps of them, also one of another program."""
    return _named(study.user_attrs.get("metric") or study.metric_names, len(study.directions))


def _named(kept: str | Iterable[str] | None, n: int) -> list[str]:
    names = [kept] if isinstance(kept, str) else list(kept or ())
    if len(names) == n:
        return names
    return ["value"] if n == 1 else [f"value {i}" for i in range(n)]


def counted(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def workers_line(settings: Settings) -> str:
    slots = {1: "", AUTO: f", slots={AUTO}"}.get(settings.slots, f" of {settings.slots} slots")
    return f"{counted(settings.n_jobs, 'worker')}{slots}"


def ended_line(trial: FrozenTrial) -> str:
    word = WORDS[trial.state][0]
    value = "" if trial.values is None else " ".join(f" {value:.6g}" for value in trial.values)
    reason = trial.user_attrs.get("reason") or broken_line(trial)
    reason = "" if reason == word else reason
    return f"trial {trial.number} {word}{value}{f' ({reason})' if reason else ''}"


def paused_line(trial: FrozenTrial) -> str:
    step = trial.user_attrs[PAUSED]
    return f"trial {trial.number} paused at step {step} with {trial.intermediate_values[step]:.6g}"


def counts_line(counts: Counter[TrialState | str]) -> str:
    return ", ".join(text for text, _ in counts_parts(counts))


def counts_parts(counts: Counter[TrialState | str]) -> list[tuple[str, str]]:
    """Of each state the text and its style."""
    return [(f"{counts[state]} {word}", style) for state, (word, style) in _words(counts).items()]


def _words(counts: Counter[TrialState | str]) -> dict[TrialState | str, tuple[str, str]]:
    return {state: words for state, words in WORDS.items() if state != PAUSED or counts[PAUSED]}


def clock(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def about(seconds: float) -> str:
    """As exactly as one can tell."""
    minutes = round(seconds / 60)
    if seconds < 10:
        return "a few seconds"
    if seconds < 90:
        return f"about {round(seconds, -1):.0f} s"
    if minutes < 100:
        return f"about {minutes} min"
    hours, minutes = divmod(round(minutes, -1), 60)
    return f"about {hours} h {minutes} min" if hours < 48 else f"about {round(hours / 24)} days"


def short_params(trial: FrozenTrial) -> str:
    """The parameters, each by the last part of its name."""
    params = values(trial.params)
    return "  ".join(f"{key.rpartition('.')[2]}={shown(value)}" for key, value in params.items())


def shown(value: Any) -> str:
    """Of a parameter, in few characters."""
    return f"{value:.4g}" if isinstance(value, float) else str(value)
