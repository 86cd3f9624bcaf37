"""Hyperparameter sweeps for any Hydra application: an Optuna study as the queue, jobs of a launcher as its
workers.

These are the package's names for applications; Lightning's are in `hydra_sweep.lightning`, MLflow's in
`hydra_sweep.mlflow`. Everything else is its own, and may change.
"""

from hydra_sweep.command_line import mistakes_explained
from hydra_sweep.errors import ConfigurationError, SweepError
from hydra_sweep.study.current import current_trial
from hydra_sweep.sweep import Plan

__all__ = ["ConfigurationError", "Plan", "SweepError", "current_trial", "mistakes_explained"]
