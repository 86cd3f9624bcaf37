"""What jobs are told, pickled once for all of them."""

import pickle
from functools import lru_cache
from typing import Any

import cloudpickle


class Part:
    """Is unpickled as one of several objects that are pickled together, once, not for each of the jobs, and
    unpickled once in a process and its forks."""

    def __init__(self, pickled: bytes, place: int) -> None:
        self.pickled, self.place = pickled, place

    @classmethod
    def each(cls, *parts: Any) -> "list[Part]":
        pickled = cloudpickle.dumps(parts)
        return [cls(pickled, place) for place in range(len(parts))]

    def __reduce__(self) -> tuple[Any, ...]:
        return _part, (self.pickled, self.place)


@lru_cache(1)
def unpickled(pickled: bytes) -> tuple[Any, ...]:
    """The parts. In one process they are always the same."""
    return pickle.loads(pickled)


def _part(pickled: bytes, place: int) -> Any:
    return unpickled(pickled)[place]
