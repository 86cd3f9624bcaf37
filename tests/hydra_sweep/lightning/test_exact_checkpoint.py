"""Trainings that are interrupted and go on are compared, bit for bit, with one that was not."""

from functools import partial

import pytest
import torch
from lightning.pytorch.utilities.exceptions import SIGTERMException
from torch import nn
from torchmetrics import MetricCollection
from torchmetrics.regression import ConcordanceCorrCoef, PearsonCorrCoef

from hydra_sweep.lightning.exact_checkpoint import metric_states, set_metric_states
from tests.hydra_sweep.lightning.trainings import (
    N_BATCHES,
    N_EPOCHS,
    VARIANTS,
    At,
    Data,
    Training,
    kill,
    terminate,
    this_epoch,
)

# Of ModelCheckpoint, about its own files; train() switches it off.
pytestmark = pytest.mark.filterwarnings("ignore:Checkpoint directory .* is not empty")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """Uninterrupted trainings, by variant."""
    done = {}

    def train(variant: str) -> Training:
        if variant not in done:
            training = Training(tmp_path_factory.mktemp("whole"), **VARIANTS[variant][0])
            done[variant] = training.run(), training.result()
        return done[variant]

    return train


def assert_same(training: Training, whole: tuple[Training, dict]) -> None:
    reference, result = whole
    assert training.result() == result
    assert_same_weights(training.module, reference.module)


def assert_same_weights(one: nn.Module, other: nn.Module) -> None:
    one, other = one.state_dict(), other.state_dict()
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("variant", VARIANTS)
def test_killed_in_a_batch(variant, whole, tmp_path):
    for batch in (3, 6, 8) if variant != "ours" else range(1, N_BATCHES * N_EPOCHS + 1):
        training = Training(tmp_path / str(batch), **VARIANTS[variant][0])
        training.interrupt("on_train_batch_end", batch, kill).run()
        assert_same(training, whole(variant))
        if variant == "ours":
            assert training.steps == [0, this_epoch(batch)]


@pytest.mark.parametrize("variant", VARIANTS)
def test_told_to_stop_in_a_batch(variant, whole, tmp_path):
    kwargs, begins = VARIANTS[variant]
    for batch in range(1, N_BATCHES * (N_EPOCHS if variant == "ours" else 2) + 1):
        training = Training(tmp_path / str(batch), **kwargs)
        training.interrupt("on_train_batch_end", batch, terminate).run()
        assert_same(training, whole(variant))
        assert training.steps == [0, begins(batch)]


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("act", [kill, terminate])
def test_stopped_in_a_validation(variant, act, whole, tmp_path):
    for batch in (1, 2, 3):
        training = Training(tmp_path / str(batch), **VARIANTS[variant][0])
        training.interrupt("on_validation_batch_end", batch, act).run()
        assert_same(training, whole(variant))


@pytest.mark.parametrize(("variant", "batch"), [("ours", 5), ("early stopping", 3), ("so many steps", 9)])
@pytest.mark.parametrize("act", [kill, terminate])
def test_stopped_in_the_last_validation(variant, batch, act, whole, tmp_path):
    training = Training(tmp_path, **VARIANTS[variant][0])
    training.interrupt("on_validation_batch_end", batch, act).run()
    assert_same(training, whole(variant))


def test_stopped_in_a_validation_and_after_the_next(tmp_path):
    kwargs = {"trainer": {"val_check_interval": 1}}
    whole = Training(tmp_path / "whole", **kwargs).run()
    training = Training(tmp_path / "stopped", **kwargs)
    training.interrupt("on_validation_batch_end", 1, kill)
    training.interrupt("on_validation_batch_end", 4, terminate)
    training.interrupt("on_train_batch_start", 1, kill)
    assert training.run().steps == [0, 1, 2, 2]
    assert_same(training, (whole, whole.result()))


@pytest.mark.parametrize("hook", ["on_train_epoch_start", "on_train_epoch_end"])
@pytest.mark.parametrize("variant", ["ours", "early stopping", "template, plain loader"])
def test_told_to_stop_between_epochs(hook, variant, whole, tmp_path):
    for count in (1, 2):
        training = Training(tmp_path / str(count), **VARIANTS[variant][0])
        training.interrupt(hook, count, terminate).run()
        assert_same(training, whole(variant))


def test_told_to_stop_before_it_trains(whole, tmp_path):
    training = Training(tmp_path).interrupt("on_sanity_check_start", 1, terminate)
    assert not (tmp_path / "resume.ckpt").exists()
    assert_same(training.run(), whole("ours"))


def test_interrupted_again_and_again(whole, tmp_path):
    training = Training(tmp_path)
    for hook, act in [
        ("on_train_batch_end", terminate),
        ("on_train_batch_end", kill),
        ("on_train_batch_end", terminate),
        ("on_train_batch_end", terminate),
        ("on_train_batch_end", terminate),
        ("on_validation_batch_end", kill),
        ("on_train_epoch_end", terminate),
        ("on_train_batch_end", terminate),
        ("on_train_epoch_end", kill),
    ]:
        training.interrupt(hook, 1, act)
    training.run()
    assert training.steps == [0, 1, 1, 2, 3, 4, 4, 4, 5, 8]
    assert_same(training, whole("ours"))


@pytest.mark.parametrize("variant", ["ours", "early stopping", "so many steps"])
def test_what_was_over_is_not_trained_again(variant, whole, tmp_path):
    training = Training(tmp_path, **VARIANTS[variant][0]).run()
    points = list(training.points)
    training.run()
    assert training.points == points
    assert training.steps == [0]  # it never started
    assert_same(training, whole(variant))


def test_told_to_stop_while_it_tests(tmp_path):
    training = Training(tmp_path).run()
    checkpoint = (tmp_path / "resume.ckpt").read_bytes()
    training.fitter.callbacks.append(At("on_test_batch_end", 1, terminate))
    with pytest.raises(SIGTERMException):
        training.fitter.test(training.module, Data().val_dataloader())
    assert (tmp_path / "resume.ckpt").read_bytes() == checkpoint


def test_loading_processes_that_stay(tmp_path):
    kwargs = {"data": partial(Data, num_workers=1, persistent_workers=True)}
    whole = Training(tmp_path / "whole", **kwargs).run()
    for batch, act in [(6, kill), (6, terminate)]:
        training = Training(tmp_path / act.__name__, **kwargs)
        training.interrupt("on_train_batch_end", batch, act).run()
        assert_same(training, (whole, whole.result()))


def test_metrics_that_share_a_state_are_all_restored():
    def metrics() -> nn.Module:
        return nn.ModuleDict({"both": MetricCollection([PearsonCorrCoef(), ConcordanceCorrCoef()])})

    one, other = metrics(), metrics()
    generator = torch.Generator().manual_seed(0)
    batches = [torch.rand(2, 8, generator=generator) for _ in range(4)]
    for batch in batches[:3]:
        one["both"].update(*batch)
    set_metric_states(other, metric_states(one))
    for module in (one, other):
        module["both"].update(*batches[3])
    assert one["both"].compute() == other["both"].compute()
    assert [metric.update_count for metric in other["both"].values()] == [4, 4]
