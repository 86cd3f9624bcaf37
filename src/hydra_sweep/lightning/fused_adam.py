from typing import Any

import torch
from torch import Tensor
from torch.optim import Adam, AdamW, Optimizer
from torch.optim import optimizer as torchs

STATE = {"step", "exp_avg", "exp_avg_sq"}


class FusedAdam:
    """Steps a `torch.optim.Adam` or `AdamW` that is `fused`: to the values of its own `step`, bit for bit,
    but without 0.1 ms of that step's work in Python.

    The state stays the optimizer's; each group's counts of steps become parts of one tensor, which counts
    them all at once. Where something is not as it was at the last step, the optimizer steps by itself:
    other parameters, one without a gradient, a state that was loaded, hooks.
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.state: Any = None
        self.groups: list[_Group] = []

    def step(self) -> None:
        grads = self._grads()
        if grads is None:
            self.optimizer.step()
            self._look()
            return
        with torch.no_grad():
            for group, of_group in zip(self.groups, grads, strict=True):
                group.step(of_group)

    def _grads(self) -> list[list[Tensor]] | None:
        """By group; None where the optimizer itself is to step."""
        groups, optimizer = self.groups, self.optimizer
        if (
            not groups
            or optimizer.state is not self.state
            or len(optimizer.state) != sum(len(group.parameters) for group in groups)
            or len(optimizer.param_groups) != len(groups)
            or not all(map(_Group.is_as_before, groups, optimizer.param_groups))
            or not is_bare(optimizer)
        ):
            return None
        grads = [[parameter.grad for parameter in group.parameters] for group in groups]
        return None if any(grad is None for of_group in grads for grad in of_group) else grads

    def _look(self) -> None:
        self.state, self.groups = self.optimizer.state, []
        if all(_is_plain(group, self.state) for group in self.optimizer.param_groups):
            self.groups = [_Group(group, self.state) for group in self.optimizer.param_groups]


class _Group:
    def __init__(self, group: dict[str, Any], state: dict[Tensor, dict[str, Tensor]]) -> None:
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
            and all(one["step"] is step for one, step in zip(self.states, self.steps, strict=True))
        )

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


def is_bare(optimizer: Optimizer) -> bool:
    """Whether nobody else is asked when it steps; a scheduler only notes that it did."""
    step = vars(optimizer).get("step")
    return (step is None or getattr(step, "__wrapped__", None) is type(optimizer).step) and not (
        optimizer._optimizer_step_pre_hooks
        or optimizer._optimizer_step_post_hooks
        or torchs._global_optimizer_pre_hooks
        or torchs._global_optimizer_post_hooks
    )


def _is_plain(group: dict[str, Any], state: dict[Tensor, dict[str, Tensor]]) -> bool:
    """Whether one update does for all of the group."""
    parameters = group["params"]
    return (
        all(parameter in state and state[parameter].keys() == STATE for parameter in parameters)
        and len({(parameter.device, parameter.dtype) for parameter in parameters}) == 1
        and all(isinstance(beta, float) for beta in group["betas"])
        and not group["amsgrad"]
        and not group["capturable"]
    )
