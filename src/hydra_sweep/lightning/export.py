"""A trained model for those who do not have its code: a program of torch.export, or its weights alone.

https://docs.pytorch.org/docs/stable/export.html
"""

import inspect
import io
import logging
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning import LightningDataModule, LightningModule
from torch.export import Dim, ExportedProgram
from torch.utils._pytree import tree_flatten, tree_map

from hydra_sweep.errors import SweepError, one_line

# examples of a batch that the program is made with, and another number that it is tried with
N_EXAMPLES, N_OTHERS = 4, 3


def export(model: LightningModule, examples: Callable[[], tuple[Any, ...]], file: Path) -> str:
    """Writes what computes as the model does, for any number of examples.

    Where the model has no `forward`, or torch cannot export it, a state_dict of plain tensors is written
    instead, to a file of the suffix .pt. `examples` are a batch's arguments of `forward`. Returns a line
    that says which, and how it is loaded. Raises SweepError, and writes nothing, where what was exported
    computes otherwise.
    """
    try:
        if type(model).forward in (torch.nn.Module.forward, LightningModule.forward):
            raise NotImplementedError(f"{type(model).__name__} has no forward")
        inputs = examples()
        program = _written(_program(model, inputs))
        with torch.no_grad():
            others = _head(inputs, N_OTHERS)
            wanted, got = model(*others), torch.export.load(io.BytesIO(program)).module()(*others)
    except Exception as error:  # whatever a model raises as it is traced
        weights = file.with_suffix(".pt")
        torch.save({name: value.detach().cpu() for name, value in model.state_dict().items()}, weights)
        return (
            f"{weights}: the weights alone (no program of torch.export: {one_line(error)}). "
            f"In plain torch: torch.load('{weights}'), a state_dict."
        )
    _check_alike(wanted, got)
    file.write_bytes(program)
    return (
        f"{file}: a program of torch.export of {_shapes(inputs)}, which computes as the model does. "
        f"In plain torch: torch.export.load('{file}').module()(…)."
    )


def examples_of(model: LightningModule, data: Callable[[], LightningDataModule]) -> tuple[Any, ...]:
    """Arguments of the model's `forward`: its `example_input_array`, else the first part of a batch of
    training."""
    if (given := model.example_input_array) is not None:
        return given if isinstance(given, tuple) else (given,)
    module = data()
    module.prepare_data()
    module.setup("fit")
    batch = next(iter(module.train_dataloader()))
    return (batch[0] if isinstance(batch, list | tuple) else batch,)


def _program(model: LightningModule, inputs: tuple[Any, ...]) -> ExportedProgram:
    few = _head(inputs, N_EXAMPLES)
    batch = Dim("batch")
    shapes = tree_map(lambda one: {0: batch} if _has_batch(one) else None, few)
    logging.getLogger("torch.export").setLevel(logging.ERROR)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")
        names = list(inspect.signature(model.forward).parameters)
        return torch.export.export(model, few, dynamic_shapes=dict(zip(names, shapes, strict=False)))


def _written(program: ExportedProgram) -> bytes:
    file = io.BytesIO()
    torch.export.save(program, file)
    return file.getvalue()


def _check_alike(wanted: Any, got: Any) -> None:
    try:
        torch.testing.assert_close(tree_flatten(got)[0], tree_flatten(wanted)[0])
    except AssertionError as error:
        raise SweepError(f"What torch.export makes of it computes otherwise: {one_line(error)}") from None


def _head(inputs: tuple[Any, ...], n: int) -> tuple[Any, ...]:
    return tree_map(lambda one: one[:n].cpu() if _has_batch(one) else one, inputs)


def _has_batch(one: Any) -> bool:
    return isinstance(one, torch.Tensor) and one.dim() > 0


def _shapes(inputs: tuple[Any, ...]) -> str:
    tensors = [one for one in tree_flatten(inputs)[0] if isinstance(one, torch.Tensor)]
    each = (", ".join(["batch", *map(str, one.shape[1:])]) for one in tensors)
    return ", ".join(f"({shape})" for shape in each)
