"""What a sweep that logs to MLflow has done once: `hydra.sweeper.prepare` and `hydra.sweeper.finish`.

Both step aside, and import nothing of MLflow, where none of the loggers is ours. MLflow is a view of the
study: a new sweep that could not be logged is refused, but one that was begun goes on.
"""

from typing import Any

from omegaconf import DictConfig
from optuna import Study

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError
from hydra_sweep.study.secrets import masked
from hydra_sweep.sweep import Plan


def prepare(cfg: DictConfig, plan: Plan) -> dict[str, Any]:
    """Makes the store and the sweep's parent run, whose id is the study's from then on. `cfg` is the
    configuration of an example trial.

    Raises SweepError where the store's address is of no kind that MLflow knows, and, for a sweep that is
    yet to begin, where it cannot be logged to.
    """
    key, logger = logger_node(cfg)
    if not logger:
        return {}
    say("Preparing the tracking store …")
    from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException as UnknownScheme

    from hydra_sweep.mlflow.parent import open_parent
    from hydra_sweep.mlflow.store import DEFAULT_EXPERIMENT, in_words

    try:
        client, experiment_id = _open(logger)
        asked = str(logger.get("experiment_name", DEFAULT_EXPERIMENT))
        if (name := client.get_experiment(experiment_id).name) != asked:
            say(f"MLflow's experiment {asked} was deleted: the runs are in {name}.")
        return open_parent(client, experiment_id, plan)
    except UnknownScheme as error:
        valid = ", ".join(scheme for scheme in error.supported_uri_schemes if scheme)
        raise SweepError(f"{_where(key, logger)}: MLflow knows no such scheme. Valid: {valid}.") from None
    except Exception as error:  # whatever MLflow, a database's driver or the system raises
        said = f"{_where(key, logger)}: {in_words(error)}"
        if not plan.attrs:
            raise SweepError(f"{said} Mend that, or leave MLflow out: ~logger.{key}") from None
        say(f"{said} The sweep goes on; what MLflow misses is written when it answers again.")
        return {}


def finish(cfg: DictConfig, study: Study) -> list[str]:
    """Brings MLflow's runs in line with the study. Returns the command that shows them."""
    key, logger = logger_node(cfg)
    if not logger:
        return []
    from hydra_sweep.mlflow.store import in_words, ui_command
    from hydra_sweep.mlflow.view import bring_in_line

    try:
        client, experiment_id = _open(logger)
        bring_in_line(client, experiment_id, logger, study, cfg)
    except Exception as error:
        again = "The study has it all; the same command writes what MLflow misses, once it answers."
        say(f"{_where(key, logger)}: {in_words(error)} {again}")
        return []
    return [ui_command(logger.get("tracking_uri"))]


def logger_node(cfg: DictConfig) -> tuple[str, DictConfig] | tuple[None, None]:
    """The key and the configuration of our MLFlowLogger, where one is on."""
    loggers = cfg.get("logger")
    for key, node in loggers.items() if isinstance(loggers, DictConfig) else ():
        if node and str(node.get("_target_")).startswith("hydra_sweep.mlflow."):
            return key, node
    return None, None


def _open(logger: DictConfig) -> tuple[Any, str]:
    from hydra_sweep.mlflow.store import DEFAULT_EXPERIMENT, open_store

    name = logger.get("experiment_name", DEFAULT_EXPERIMENT)
    return open_store(logger.get("tracking_uri"), name, logger.get("artifact_location"))


def _where(key: str, logger: DictConfig) -> str:
    return f"logger.{key}.tracking_uri={masked(str(logger.get('tracking_uri')))}"
