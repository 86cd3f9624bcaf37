"""For what is logged to MLflow: a sweep's `parent` run, its trials' `runs` by the `logger`, in a `store`.

Imports MLflow, and Lightning for its logger, each name when it is first asked for: where MLflow is not
logged to, it need not be installed. Of the package it uses `sweep`, the study and the space's grammar.
Nothing else of the package imports it: the configuration names it. The study is the truth, MLflow a `view`
of it: nothing of MLflow ends a trial, and the sweep's end brings it in line.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hydra_sweep.mlflow.logger import MLFlowLogger
    from hydra_sweep.mlflow.tracker import Tracker

# MLflow would print the address of each run that ends, password and all.
os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")

_MODULES = {"MLFlowLogger": "logger", "Tracker": "tracker"}
__all__ = ["MLFlowLogger", "Tracker"]


def __getattr__(name: str) -> object:
    if name not in _MODULES:
        raise AttributeError(f"module {__name__} has no attribute {name}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
