import multiprocessing
import random

import numpy as np
import torch

from hydra_sweep.worker.trial import _draw_anew


def draw(answer) -> None:
    _draw_anew()
    answer.put((random.random(), np.random.rand(), torch.rand(1).item()))


def test_forks_of_one_worker_do_not_draw_alike():
    random.seed(0), np.random.seed(0), torch.manual_seed(0)
    fork = multiprocessing.get_context("fork")
    answer = fork.SimpleQueue()
    for _ in range(2):
        process = fork.Process(target=draw, args=(answer,))
        process.start()
        process.join()
    for one, other in zip(answer.get(), answer.get(), strict=True):
        assert one != other
