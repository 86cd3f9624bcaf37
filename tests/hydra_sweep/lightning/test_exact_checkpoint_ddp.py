"""As test_exact_checkpoint, for trainings of two ranks."""

import multiprocessing
import os
import socket
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.hydra_sweep.lightning.trainings import N_BATCHES, At, Killed, Template, Training, kill, ours

WORLD = 2
BATCHES = N_BATCHES // WORLD  # of each rank in an epoch

pytestmark = pytest.mark.filterwarnings(
    "ignore:Checkpoint directory .* is not empty", "ignore:It is recommended to use .*sync_dist"
)


def draw_like_no_other(rank: int) -> None:
    torch.manual_seed(rank)
    np.random.seed(rank)


def train_rank(folder: Path, model, rank: int, port: int, killed_in: int | None, answer) -> None:
    os.environ |= {"RANK": str(rank), "LOCAL_RANK": str(rank), "WORLD_SIZE": str(WORLD)}
    os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "TORCHELASTIC_RUN_ID": "test"}
    ddp = {"devices": WORLD, "strategy": "ddp"}
    training = Training(folder, model, trainer=ddp)
    callbacks = [At("on_train_start", 1, partial(draw_like_no_other, rank))]
    if killed_in:
        callbacks.append(At("on_train_batch_end", killed_in, kill))
    with suppress(Killed):
        training.run(*callbacks)
    result = None if killed_in else training.result()
    if result and rank:
        del result["checkpoints"]  # which rank 0 writes, perhaps just now
    weights = {name: tensor.tolist() for name, tensor in training.module.state_dict().items()}
    answer.send((training.points, training.steps, result, weights))


def train(folder: Path, model, killed_in: int | None = None) -> list:
    """What each rank sends: its points, the step where it began, its result and its weights."""
    with socket.socket() as free:
        free.bind(("", 0))
        port = free.getsockname()[1]
    # Not of this process: where it has trained, autograd's threads are lost in a fork.
    server = multiprocessing.get_context("forkserver")
    server.set_forkserver_preload([Training.__module__])
    pipes = [server.Pipe(duplex=False) for _ in range(WORLD)]
    ranks = [
        server.Process(target=train_rank, args=(folder, model, rank, port, killed_in, pipes[rank][1]))
        for rank in range(WORLD)
    ]
    for process in ranks:
        process.start()
    try:
        for _, question in pipes:
            question.close()
        return [answer.recv() for answer, _ in pipes]
    finally:
        for process in ranks:
            process.kill()
            process.join()


@pytest.mark.parametrize("model", [ours, Template])
def test_each_rank_goes_on_with_its_own(model, tmp_path):
    whole = train(tmp_path / "whole", model)
    for killed_in, epoch in ((BATCHES + 1, 1), (2 * BATCHES + 2, 2)):
        folder = tmp_path / str(killed_in)
        before, after = train(folder, model, killed_in), train(folder, model)
        for rank in range(WORLD):
            points, _, _, _ = before[rank]
            more, steps, result, weights = after[rank]
            assert steps == [epoch * BATCHES]
            result["points"] = sorted({*points, *more})
            # by name alone: pytest takes minutes to show how so many numbers differ
            assert [key for key, value in whole[rank][2].items() if value != result[key]] == []
            assert (weights == whole[rank][3]) is True
    assert whole[0][2]["rng"] != whole[1][2]["rng"]
