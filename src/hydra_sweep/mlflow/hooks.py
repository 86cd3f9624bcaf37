"""What a sweep that logs to MLflow has done once: `hydra.sweeper.prepare` and `hydra.sweeper.finish`.

Both step aside, and import nothing of MLflow, where none of the loggers is ours.
"""

from typing import Any

from omegaconf import DictConfig
from optuna import Study

from hydra_sweep.console import say
from hydra_sweep.sweep import Plan


def prepare(cfg: DictConfig, plan: Plan) -> dict[str, Any]:
    """Makes the store and the sweep's parent run, whose id is the study's from then on. `cfg` is the
    configuration of an example trial."""
    if not (logger := logger_node(cfg)):
        return {}
    say("Preparing the tracking store …")
    from hydra_sweep.mlflow.parent import open_parent

    return open_parent(logger, plan)


def finish(cfg: DictConfig, study: Study) -> list[str]:
    """Brings MLflow's runs in line with the study. Returns the command that shows them."""
    if not (logger := logger_node(cfg)):
        return []
    from hydra_sweep.mlflow.parent import close_parent

    return close_parent(logger, study, cfg.get("optimized_metric"))


def logger_node(cfg: DictConfig) -> DictConfig | None:
    """The configuration of our MLFlowLogger, where one is on."""
    loggers = cfg.get("logger")
    nodes = [node for node in loggers.values() if node] if isinstance(loggers, DictConfig) else []
    ours = (node for node in nodes if str(node.get("_target_")).startswith("hydra_sweep.mlflow."))
    return next(ours, None)
