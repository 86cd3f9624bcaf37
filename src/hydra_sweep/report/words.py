"""How trials, their states and times are put in words, alike wherever they are shown."""

from collections import Counter
from typing import Any

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
    names = OmegaConf.select(sweep.config, "optimized_metric")
    names = [names] if isinstance(names, str) else list(names or ())
    n = len(sweep.settings.directions)
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
    return f"trial {trial.number} {word}{value}{f' ({reason})' if reason else ''}"


def paused_line(trial: FrozenTrial) -> str:
    step = trial.user_attrs[PAUSED]
    return f"trial {trial.number} paused at step {step} with {trial.intermediate_values[step]:.6g}"


def counts_line(counts: Counter[TrialState | str]) -> str:
    return ", ".join(f"{counts[state]} {word}" for state, (word, _) in _words(counts).items())


def counts_text(counts: Counter[TrialState | str]) -> Any:
    """A rich Text."""
    from rich.text import Text

    parts = [(f"{counts[state]} {word}   ", style) for state, (word, style) in _words(counts).items()]
    return Text.assemble(*parts)


def _words(counts: Counter[TrialState | str]) -> dict[TrialState | str, tuple[str, str]]:
    return {state: words for state, words in WORDS.items() if state != PAUSED or counts[PAUSED]}


def clock(seconds: float) -> str:
    minutes, seconds = divmod(max(0, round(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{seconds:02}" if hours else f"{minutes}:{seconds:02}"


def short_params(trial: FrozenTrial) -> str:
    """The parameters, each by the last part of its name."""
    params = values(trial.params)
    return "  ".join(f"{key.rpartition('.')[2]}={_short(value)}" for key, value in params.items())


def _short(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
