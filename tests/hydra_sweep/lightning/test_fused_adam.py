"""Torch's own steps are the reference."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.optim import Adam, AdamW, Optimizer
from torch.optim.lr_scheduler import ConstantLR, LRScheduler, OneCycleLR

from hydra_sweep.lightning.fused_adam import FusedAdam

STEPS = 12


class Net(nn.Module):
    def __init__(self, n_unused: int = 0) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(4, 8), nn.Linear(8, 1)
        self.shift = nn.Parameter(torch.ones(1))
        self.unused = nn.ModuleList(nn.Linear(8, 1) for _ in range(n_unused))

    def forward(self, x):
        return self.second(self.first(x).relu()) + self.shift


@pytest.fixture
def own_steps(monkeypatch) -> list[Optimizer]:
    """Those that stepped by themselves."""
    Adam([torch.zeros(1)])  # torch sets the class's step where it makes the first
    steps, of_torch = [], Adam.step

    def step(self, closure=None):
        steps.append(self)
        return of_torch(self, closure)

    step.hooked = True  # and again where it knows another
    monkeypatch.setattr(Adam, "step", step)
    return steps


def nothing(net: Net, optimizer: Optimizer, number: int) -> None:
    pass


def train_both(
    net: Net, make: Callable[[Net], Optimizer], between: Callable[..., None] = nothing, schedule: Any = None
) -> Optimizer:
    """Trains two alike, one with FusedAdam, and compares them after each step. The latter's optimizer."""
    torch.manual_seed(0)
    nets = net, copy.deepcopy(net)
    plain, fast = optimizers = [make(one) for one in nets]
    schedulers = [(schedule or one_cycle)(one) for one in optimizers]
    steps = lambda: plain.step(), FusedAdam(fast).step  # it is replaced meanwhile
    for number in range(STEPS):
        x = torch.rand(5, 4)
        for one, optimizer, scheduler, step in zip(nets, optimizers, schedulers, steps, strict=True):
            between(one, optimizer, number)
            optimizer.zero_grad()
            (one(x) - 1).square().mean().backward()
            step()
            scheduler.step()
        assert all(map(torch.equal, *(one.parameters() for one in nets))), number
    one, other = (optimizer.state_dict() for optimizer in optimizers)
    torch.testing.assert_close(other["state"], one["state"], rtol=0, atol=0)
    assert other["param_groups"] == one["param_groups"]
    return fast


def one_cycle(optimizer: Optimizer) -> LRScheduler:
    """Of the learning rate and of a beta."""
    return OneCycleLR(optimizer, 0.1, total_steps=STEPS)


def two_groups(net: Net) -> list[dict[str, Any]]:
    return [{"params": net.first.parameters()}, {"params": net.second.parameters(), "weight_decay": 0.1}]


ALONE = {
    "Adam": lambda net: Adam(net.parameters(), fused=True),
    "AdamW": lambda net: AdamW(net.parameters(), fused=True),
    "weight decay": lambda net: Adam(net.parameters(), weight_decay=0.1, eps=1e-3, fused=True),
    "maximize": lambda net: Adam(net.parameters(), maximize=True, fused=True),
    "groups": lambda net: Adam(two_groups(net), fused=True),
    "AdamW, groups": lambda net: AdamW(two_groups(net), betas=(0.5, 0.7), fused=True),
}


@pytest.mark.parametrize("make", ALONE.values(), ids=ALONE)
def test_only_the_first_step_is_the_optimizers_own(own_steps, make):
    fast = train_both(Net(), make)
    assert own_steps.count(fast) == 1


def loaded(net: Net, optimizer: Optimizer, number: int) -> None:
    if number == 5:
        optimizer.load_state_dict(copy.deepcopy(optimizer.state_dict()))


def forgotten(net: Net, optimizer: Optimizer, number: int) -> None:
    if number == 5:
        optimizer.state.clear()


def state_replaced(net: Net, optimizer: Optimizer, number: int) -> None:
    for state in optimizer.state.values():
        state["exp_avg"] = state["exp_avg"] * 0.5


def counts_replaced(net: Net, optimizer: Optimizer, number: int) -> None:
    if number == 5:
        for state in optimizer.state.values():
            state["step"] = torch.tensor(1.0)


def frozen(net: Net, optimizer: Optimizer, number: int) -> None:
    net.second.requires_grad_(number not in (5, 6))


def group_added(net: Net, optimizer: Optimizer, number: int) -> None:
    if number == 5:
        optimizer.add_param_group({"params": [net.shift], "lr": 0.1})


def exchanged(net: Net, optimizer: Optimizer, number: int) -> None:
    """A parameter is another, with the state of the one before: as where points are added and removed."""
    if number == 5:
        old, new = net.second.bias, nn.Parameter(net.second.bias.detach() + 1)
        optimizer.state[new] = optimizer.state.pop(old)
        optimizer.param_groups[-1]["params"][-1] = net.second.bias = new


def forgotten_for_one(net: Net, optimizer: Optimizer, number: int) -> None:
    if number == 5:
        optimizer.state[net.first.weight] = {}
    if number == 8:
        optimizer.state[net.first.weight].clear()


# what is done between the steps, and how often the optimizer then steps by itself
BETWEEN = {
    loaded: 2,
    forgotten: 2,
    state_replaced: 1,
    counts_replaced: 2,
    frozen: 3,
    group_added: 2,
    exchanged: 2,
    forgotten_for_one: 3,
}


@pytest.mark.parametrize("between", BETWEEN, ids=lambda one: one.__name__)
def test_what_is_not_as_before_is_left_to_the_optimizer(own_steps, between):
    fast = train_both(Net(), ALONE["groups"], between, ConstantLR)
    assert own_steps.count(fast) == BETWEEN[between]


NOT_PLAIN = {
    "amsgrad": (0, lambda net: Adam(net.parameters(), amsgrad=True, fused=True)),
    "a parameter is not used": (1, lambda net: Adam(net.parameters(), fused=True)),
}


@pytest.mark.parametrize(("n_unused", "make"), NOT_PLAIN.values(), ids=NOT_PLAIN)
def test_what_needs_more_than_one_update_is_left_to_the_optimizer(own_steps, n_unused, make):
    fast = train_both(Net(n_unused), make)
    assert own_steps.count(fast) == STEPS


def test_a_checkpoint_is_for_torchs_own_step_too(tmp_path):
    """And for another of its kind: the counts of steps, which share a tensor here, are each its own."""
    torch.manual_seed(0)
    net = Net()
    fast = train_both(net, ALONE["Adam"])
    torch.save(fast.state_dict(), tmp_path / "state")
    nets = net, copy.deepcopy(net)
    optimizers = [ALONE["Adam"](one) for one in nets]
    for optimizer in optimizers:
        optimizer.load_state_dict(torch.load(tmp_path / "state", weights_only=True))
    for _ in range(3):
        for one, step in zip(nets, (optimizers[0].step, FusedAdam(optimizers[1]).step), strict=True):
            one.zero_grad()
            one(torch.ones(2, 4)).sum().backward()
            step()
    assert all(map(torch.equal, *(one.parameters() for one in nets)))
    counts = {float(state["step"]) for optimizer in optimizers for state in optimizer.state.values()}
    assert counts == {STEPS + 3}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_on_a_gpu(own_steps):
    torch.manual_seed(0)
    net = Net().cuda()
    nets = net, copy.deepcopy(net)
    optimizers = [Adam(two_groups(one), fused=True) for one in nets]
    for _ in range(STEPS):
        for one, step in zip(nets, (optimizers[0].step, FusedAdam(optimizers[1]).step), strict=True):
            one.zero_grad()
            one(torch.ones(2, 4, device="cuda")).sum().backward()
            step()
    assert all(map(torch.equal, *(one.parameters() for one in nets)))
    assert own_steps.count(optimizers[1]) == 1
