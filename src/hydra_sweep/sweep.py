"""What all processes of a sweep are told of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

# Only names: an application that imports the package is not to wait for Optuna.
if TYPE_CHECKING:
    from hydra._internal.callbacks import Callbacks
    from hydra.types import HydraContext, TaskFunction
    from omegaconf import DictConfig
    from optuna.trial import FrozenTrial

    from hydra_sweep.code.version import CodeVersion
    from hydra_sweep.settings import Settings
    from hydra_sweep.space.constraints import Constraint
    from hydra_sweep.space.fidelity import Fidelity
    from hydra_sweep.space.search_space import SearchSpace
    from hydra_sweep.study.storage import StudyAddress


@dataclass(frozen=True)
class Sweep:
    """All that a worker and its trials need to know; travels in the launcher's pickle."""

    address: "StudyAddress"
    settings: "Settings"
    space: "SearchSpace"
    config: "DictConfig"
    task_function: "TaskFunction"
    hydra_context: "HydraContext"
    # Hydra's, of which jobs are to be told: trials are, workers are none
    callbacks: "Callbacks"
    # of the application's code
    root: Path
    # CPU threads a trial; None: what the cluster gave the job, divided among its slots
    threads: int | None = None
    # what each trial takes, as (0.5, "GPU")
    share: tuple[float, str] = (1.0, "CPU")
    constraints: "tuple[Constraint, ...]" = ()
    fidelity: "Fidelity | None" = None
    # whether a combination's value is known once it was tried
    nothing_twice: bool = False
    # complete trials of earlier studies, in the words of this space, which the sampler knows
    earlier: "tuple[FrozenTrial, ...]" = ()


@dataclass(frozen=True)
class Plan:
    """What the hooks `check` and `prepare` are told of the sweep.

    `gpus` is how many each worker will have, None where only the cluster knows; `on_this_machine` is
    whether trials run here; `attrs` are the study's, if there is one already; `code` is what git says of
    the code, None where it says nothing.
    """

    address: "StudyAddress"
    settings: "Settings"
    space: "SearchSpace"
    gpus: int | None = None
    on_this_machine: bool = True
    attrs: Mapping[str, Any] = field(default_factory=dict)
    code: "CodeVersion | None" = None
