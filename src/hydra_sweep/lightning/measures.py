from typing import Any

import torch
from hydra.utils import instantiate
from omegaconf import DictConfig


def count_parameters(cfg: DictConfig) -> int:
    """How many parameters `cfg.model` has, for `hydra.sweeper.measures`. It is made on the meta device,
    without their memory, or on the CPU where it cannot be made there."""
    try:
        with torch.device("meta"):
            model = instantiate_plain(cfg.model)
    except Exception:  # of a model that looks at its parameters as it is made
        model = instantiate_plain(cfg.model)
    return sum(parameter.numel() for parameter in model.parameters())


def instantiate_plain(node: DictConfig, **instead: Any) -> Any:
    return instantiate(node, _convert_="all", **instead)
