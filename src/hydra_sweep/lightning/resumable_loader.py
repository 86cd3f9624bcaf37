from collections.abc import Iterator
from typing import Any

import torch
from torch.utils.data import DataLoader, RandomSampler


class ResumableLoader(DataLoader):
    """A DataLoader that can tell where in its epoch it is, and go on from there in another process.

    An epoch draws one number from torch's global generator, when its first batch is asked for, and all
    else from that number: `state_dict` is the number and how many batches were handed out. After
    `load_state_dict` the next epoch is the rest of that one, and draws nothing.
    """

    _seed: int | None = None
    _batches = 0
    _loaded: dict[str, Any] | None = None

    def __iter__(self) -> Iterator[Any]:
        loaded, self._loaded = self._loaded, None
        return self._epoch(loaded or {"seed": None, "batches": 0})

    def _epoch(self, start: dict[str, Any]) -> Iterator[Any]:
        self._seed, self._batches = start["seed"], 0
        if self._seed is None:
            self._seed = int(torch.empty((), dtype=torch.int64).random_())
        # Two, because a loader with persistent workers takes from its own only once.
        self.generator = torch.Generator().manual_seed(self._seed)
        if isinstance(self.sampler, RandomSampler):
            self.sampler.generator = torch.Generator().manual_seed(self._seed)
        for batch in self._batches_of_epoch():
            self._batches += 1
            if self._batches > start["batches"]:
                yield batch

    def _batches_of_epoch(self) -> Iterator[Any]:
        return super().__iter__()

    def state_dict(self) -> dict[str, Any]:
        return {"seed": self._seed, "batches": self._batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        self._loaded = state
