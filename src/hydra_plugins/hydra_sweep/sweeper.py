import gc
from typing import Any

from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from hydra_sweep.command_line import mistakes_alone


class AsyncOptunaSweeper(Sweeper):
    """`hydra/sweeper=async_optuna`: hands Hydra the supervisor of `hydra_sweep`."""

    def __init__(self, **settings: Any) -> None:
        self.settings = settings

    def setup(
        self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig
    ) -> None:
        self.hydra_context = hydra_context
        self.task_function = task_function
        self.config = config

    def sweep(self, arguments: list[str]) -> Any:
        gc.disable()  # until `run_sweep` starts the sweep: little of what is imported is garbage
        try:
            # Not at the top: Hydra imports every plugin, whatever the command.
            from hydra_sweep.study.secrets import hide_password
            from hydra_sweep.supervisor.main import run_sweep

            with mistakes_alone():
                hidden = hide_password(self.settings, arguments, self.config, self.hydra_context)
                return run_sweep(*hidden, self.task_function)
        finally:
            gc.enable()
