from operator import is_
from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer

STATE = {"step", "exp_avg", "exp_avg_sq"}
State = dict[Tensor, dict[str, Tensor]]  # of an optimizer, by parameter


class FusedAdam:
    """Steps a `torch.optim.Adam` or `AdamW` that is `fused`: to the values of its own `step`, bit for bit,
    but without 0.1 ms of that step's work in Python. Hooks of the optimizer are not called.

    The state stays the optimizer's; each group's counts of steps become parts of one tensor, which counts
    them all at once. Where something is not as it was at the last step, the optimizer steps by itself:
    other parameters, one without a gradient, another state.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.state: State | None = None
        self.states: list[dict[str, Tensor]] = []
        self.groups: list[_Group] = []

    def step(self) -> None:
        grads = [group.grads() for group in self.groups] if self._is_as_before() else []
        if not grads or any(grad is None for of_group in grads for grad in of_group):
            self.optimizer.step()
            self._look()
            return
        with torch.no_grad():
            for group, of_group in zip(self.groups, grads, strict=True):
                group.step(of_group)
        self.optimizer._opt_called = True  # of which a scheduler wants to know

    def _is_as_before(self) -> bool:
        state, groups = self.optimizer.state, self.optimizer.param_groups
        return (
            state is self.state
            and len(state) == len(self.states)
            and all(map(is_, state.values(), self.states))
            and len(groups) == len(self.groups)
            and all(map(_Group.is_as_before, self.groups, groups))
        )

    def _look(self) -> None:
        state, groups = self.optimizer.state, self.optimizer.param_groups
        self.state, self.states = state, [*state.values()]
        plain = all(_is_plain(group, state) for group in groups)
        self.groups = [_Group(group, state) for group in groups] if plain else []


class _Group:
    def __init__(self, group: dict[str, Any], state: State) -> None:
        self.group = group
        self.parameters = [*group["params"]]
        self.states = [state[parameter] for parameter in self.parameters]
        self.count = torch.stack([one["step"] for one in self.states])
        self.steps = [*self.count.unbind()]
        for one, step in zip(self.states, self.steps, strict=True):
            one["step"] = step
        self.update = torch._fused_adamw_ if group["decoupled_weight_decay"] else torch._fused_adam_

    def is_as_before(self, group: dict[str, Any]) -> bool:
        return (
            group is self.group
            and len(group["params"]) == len(self.parameters)
            and all(map(is_, group["params"], self.parameters))
            and all(one.get("step") is step for one, step in zip(self.states, self.steps, strict=True))
        )

    def grads(self) -> list[Tensor | None]:
        return [parameter.grad for parameter in self.parameters]

    def step(self, grads: list[Tensor]) -> None:
        """As torch.optim.adam's _fused_adam does."""
        beta1, beta2 = self.group["betas"]
        self.count.add_(1)
        self.update(
            self.parameters,
            grads,
            [one["exp_avg"] for one in self.states],
            [one["exp_avg_sq"] for one in self.states],
            [],
            self.steps,
            amsgrad=False,
            lr=self.group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=self.group["weight_decay"],
            eps=self.group["eps"],
            maximize=self.group["maximize"],
            grad_scale=None,
            found_inf=None,
        )


def is_fused_adam(optimizer: Optimizer) -> bool:
    return type(optimizer) in (Adam, AdamW) and all(group["fused"] for group in optimizer.param_groups)


def _is_plain(group: dict[str, Any], state: State) -> bool:
    """Whether one update does for all of the group."""
    parameters = group["params"]
    return (
        all(parameter in state and state[parameter].keys() == STATE for parameter in parameters)
        and len({(parameter.device, parameter.dtype) for parameter in parameters}) == 1
        and all(isinstance(beta, float) for beta in group["betas"])
        and group["fused"]
        and not group["amsgrad"]
        and not group["capturable"]
    )
