"""For trainings with Lightning: `pruning`; `resuming` where a trial was stopped, from an `exact_checkpoint`
and with a `resumable_loader`; `fast_steps`, by a `fast_optimization` and the step of a `fused_adam`;
`measures` for constraints; light and `heavy_checks`; what the `hooks` have done before and after a sweep; a
`kept_run`, to test or `export` by `python -m`.

Imports Lightning and torch, each name when it is first asked for: `check`, which the supervisor calls,
needs neither. Of the package it uses errors, `sweep`, study and space. Nothing else of the package imports
it: the configuration names it.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hydra_sweep.lightning.checks import check
    from hydra_sweep.lightning.fast_steps import FastSteps
    from hydra_sweep.lightning.hooks import finish, prepare
    from hydra_sweep.lightning.measures import count_parameters
    from hydra_sweep.lightning.metrics import metric_value
    from hydra_sweep.lightning.pruning import Pruning
    from hydra_sweep.lightning.resumable_loader import ResumableLoader
    from hydra_sweep.lightning.resuming import resume

_MODULES = {
    "FastSteps": "fast_steps",
    "Pruning": "pruning",
    "ResumableLoader": "resumable_loader",
    "check": "checks",
    "count_parameters": "measures",
    "finish": "hooks",
    "metric_value": "metrics",
    "prepare": "hooks",
    "resume": "resuming",
}
__all__ = [
    "FastSteps",
    "Pruning",
    "ResumableLoader",
    "check",
    "count_parameters",
    "finish",
    "metric_value",
    "prepare",
    "resume",
]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
