from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from src.sweep.code_version import CodeVersion
from src.sweep.settings import Settings
from src.sweep.space import SearchSpace
from src.sweep.storage import StudyAddress


@dataclass(frozen=True)
class Plan:
    """What the functions `check` and `prepare` of `hydra.sweeper` are told of the sweep.

    `gpus` is how many each worker will have, None where only the cluster knows; `attrs` are the
    study's, if there is one already; `code` is what git says of the code, None where it says nothing.
    """

    address: StudyAddress
    settings: Settings
    space: SearchSpace
    gpus: int | None = None
    attrs: Mapping[str, Any] = field(default_factory=dict)
    code: CodeVersion | None = None
