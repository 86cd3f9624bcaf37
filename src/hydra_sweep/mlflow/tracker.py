"""MLflow, kept in line with a sweep while it goes on: `hydra.sweeper.tracker`."""

import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from omegaconf import DictConfig
from optuna import Study

from hydra_sweep.console import say
from hydra_sweep.errors import SweepError
from hydra_sweep.mlflow.address import PARENT_RUN, experiment_that_shows, look_further
from hydra_sweep.mlflow.names import DEFAULT_EXPERIMENT
from hydra_sweep.study.secrets import masked
from hydra_sweep.study.sweep_study import is_complete
from hydra_sweep.sweep import Plan

if TYPE_CHECKING:
    from hydra_sweep.mlflow.view import View

# Once MLflow has failed it is left alone for so long, and for so many times as long as it took to fail.
PAUSE_S, PAUSE_FACTOR = 60.0, 10


class Tracker:
    """Sends what trials log to MLflow, one child run a trial below one parent run a sweep.

    MLflow is a view of the study: a new sweep that could not be logged is refused, but one that was begun
    goes on, and what is missing is sent when MLflow answers again, at the latest at the end, or by the same
    command later. Steps aside, and imports nothing of MLflow, where none of the loggers is ours.
    """

    def __init__(self) -> None:
        self.view: View | None = None
        self.silent_until, self.told = 0.0, False

    def get_ready(self, config: DictConfig) -> None:
        """Imports what the sweep's configuration needs. In all else `cfg` is that of an example trial."""
        if logger := logger_node(config)[1]:
            from hydra_sweep.mlflow.store import get_ready

            get_ready(logger.get("tracking_uri"))

    def prepare(self, cfg: DictConfig, plan: Plan) -> dict[str, Any]:
        """Makes the store and the sweep's parent run, whose id is the study's from then on.

        Raises SweepError where the store's address is of no kind that MLflow knows, and, for a sweep that
        is yet to begin, where it cannot be logged to.
        """
        key, logger = logger_node(cfg)
        if not logger:
            return {}
        from mlflow.tracking.registry import UnsupportedModelRegistryStoreURIException as UnknownScheme

        from hydra_sweep.mlflow.parent import open_parent
        from hydra_sweep.mlflow.store import in_words

        try:
            client, experiment_id = _open(logger)
            asked = str(logger.get("experiment_name", DEFAULT_EXPERIMENT))
            if (name := client.get_experiment(experiment_id).name) != asked:
                say(f"MLflow's experiment {asked} was deleted: the runs are in {name}.")
            return open_parent(client, experiment_id, plan)
        except UnknownScheme as error:
            valid = ", ".join(scheme for scheme in error.supported_uri_schemes if scheme)
            raise SweepError(
                f"{_where(key, logger)}: MLflow knows no such scheme. Valid: {valid}."
            ) from None
        except Exception as error:  # whatever MLflow, a database's driver or the system raises
            said = f"{_where(key, logger)}: {in_words(error)}"
            if not plan.attrs:
                raise SweepError(f"{said} Mend that, or leave MLflow out: ~logger.{key}") from None
            say(f"{said} The sweep goes on; what MLflow misses is written when it answers again.")
            return {}

    def follow(self, cfg: DictConfig, study: Study) -> str | None:
        """Sends what is new. To be called again and again while trials run. What is wrong, told once."""
        key, logger = logger_node(cfg)
        begun = time.monotonic()
        if not logger or begun < self.silent_until:
            return None
        if not (error := self._failure(partial(self._show, cfg, logger, study))):
            return None
        self.silent_until = time.monotonic() + max(PAUSE_S, PAUSE_FACTOR * (time.monotonic() - begun))
        told, self.told = self.told, True
        return (
            None if told else f"{_where(key, logger)}: {error} Trials go on; what is missing is sent later."
        )

    def finish(self, cfg: DictConfig, study: Study) -> list[str]:
        """Brings MLflow's runs in line with the study. Returns the commands that show them."""
        key, logger = logger_node(cfg)
        if not logger:
            return []
        uri, parent = logger.get("tracking_uri"), study.user_attrs.get(PARENT_RUN)
        trials = study.get_trials(deepcopy=False)
        if not self.view and is_complete(study) and (id_ := experiment_that_shows(uri, parent, trials)):
            return look_further(uri, id_, parent)
        self.view = None  # what was deleted meanwhile is made again
        if error := self._failure(partial(self._show, cfg, logger, study, closes=True)):
            again = "The study has it all; the same command writes what MLflow misses, once it answers."
            say(f"{_where(key, logger)}: {error} {again}")
            return []
        return look_further(uri, self.view.experiment_id, self.view.parent_id)

    def _show(self, cfg: DictConfig, logger: DictConfig, study: Study, closes: bool = False) -> None:
        if not self.view:
            from hydra_sweep.mlflow.view import View

            self.view = View(*_open(logger), logger, study, cfg)
        for trial in study.get_trials(deepcopy=False):
            self.view.show(trial)
        self.view.parent.show()
        if closes:
            self.view.parent.close()

    def _failure(self, call: Callable[[], None]) -> str | None:
        """What is wrong, in a line, where the call fails."""
        from hydra_sweep.mlflow.store import in_words

        try:
            call()
        except Exception as error:  # whatever MLflow, a database's driver or the system raises
            self.view = None  # the next time all is looked up anew: runs may have been deleted
            return in_words(error)
        return None


def logger_node(cfg: DictConfig) -> tuple[str, DictConfig] | tuple[None, None]:
    """The key and the configuration of our MLFlowLogger, where one is on."""
    loggers = cfg.get("logger")
    for key, node in loggers.items() if isinstance(loggers, DictConfig) else ():
        if node and str(node.get("_target_")).startswith("hydra_sweep.mlflow."):
            return key, node
    return None, None


def _open(logger: DictConfig) -> tuple[Any, str]:
    from hydra_sweep.mlflow.store import open_store

    name = logger.get("experiment_name", DEFAULT_EXPERIMENT)
    return open_store(logger.get("tracking_uri"), name, logger.get("artifact_location"))


def _where(key: str, logger: DictConfig) -> str:
    return f"logger.{key}.tracking_uri={masked(str(logger.get('tracking_uri')))}"
