import pytest
import torch
from omegaconf import OmegaConf
from torch import nn

from hydra_sweep.lightning import count_parameters


class LooksAtItsWeights(nn.Linear):
    """Which cannot be made on the meta device."""

    def __init__(self, size: int) -> None:
        super().__init__(size, size)
        self.largest = self.weight.max().item()


@pytest.mark.parametrize(
    ("target", "arguments", "n"),
    [
        ("torch.nn.Linear", {"in_features": 3, "out_features": 4}, 16),
        ("torch.nn.Linear", {"in_features": 10**6, "out_features": 10**6, "bias": False}, 10**12),
        (f"{__name__}.{LooksAtItsWeights.__name__}", {"size": 3}, 12),
    ],
)
def test_parameters_are_counted_without_their_memory(target, arguments, n):
    state = torch.get_rng_state()
    cfg = OmegaConf.create({"model": {"_target_": target, **arguments}})
    assert count_parameters(cfg) == n
    assert n == 12 or torch.equal(torch.get_rng_state(), state)
