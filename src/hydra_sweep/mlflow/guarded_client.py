from functools import partial
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hydra_sweep.mlflow.logger import MLFlowLogger


class GuardedClient:
    """MLflow's client, of a logger that guards its calls."""

    def __init__(self, logger: "MLFlowLogger") -> None:
        self._logger = logger

    def __getattr__(self, name: str) -> Any:
        from mlflow import MlflowClient

        # of the class: where nothing answers there is no client
        if callable(getattr(MlflowClient, name)):
            return partial(self._call, name)
        self._logger._guarded(lambda: None)
        return getattr(self._logger._mlflow_client, name)

    def _call(self, name: str, *args: Any, **kwargs: Any) -> Any:
        from mlflow.exceptions import MlflowException

        self._logger._guarded(lambda: None)
        if not self._logger._initialized:
            return None
        call = partial(getattr(self._logger._mlflow_client, name), *args, **kwargs)
        # What else it may raise is the caller's mistake.
        return self._logger._guarded(call, (MlflowException, OSError))
