"""Whether an error says that memory ran out, in a type of its own or in the words of a library."""

import re
from collections.abc import Iterator

# Whole phrases of those who could not allocate: an error that only mentions memory is none.
SAYS_SO = re.compile(
    "|".join(
        [
            # "CUDA out of memory", "CUDA error: out of memory", "Cuda failure 2 'out of memory'"
            r"(^|[:'\"]\s*|\b(CUDA|HIP|XPU|MPS backend|device|GPU) |\bran )out of memory\b",
            r"_ERROR_OUT_OF_(HOST_|DEVICE_)?MEMORY|cudaErrorMemoryAllocation|OOM when allocating",
            r"RESOURCE_EXHAUSTED: [^\n]*(memory|allocat)",  # XLA; of others it is a quota
            # cuBLAS, cuDNN, cuSOLVER, cuSPARSE, cuFFT; one without room for its handle
            r"\w_ALLOC_FAILED|_STATUS_\w+,? when calling .?cu\w+Create\(",
            # errno's words, allocators of PyTorch and numpy, C++
            r"((can(no|')?t|could not|unable to|failed to) allocate|not enough|insufficient) memory\b",
            r"(unable|failed) to allocate [\d.]+ ?[KMGTPE]?i?B|std::bad_alloc|\bbad allocation\b",
            r"MemoryError\(",  # quoted in the text of another
            # sizes beyond all memory
            r"Storage size calculation overflowed|numel: integer multiplication overflow",
            r"argument \W*size\W* [^\n]*Overflow when unpacking",
            r"array is too big; `arr\.size|Maximum allowed dimension exceeded|std::bad_array_new_length",
            r"cannot fit 'int' into an index-sized integer",
        ]
    ),
    re.I | re.M,
)
TYPES = ("MemoryError", "OutOfMemoryError")


def out_of_memory(error: BaseException) -> str | None:
    """The line that says so, of the error or of one that it came of; None where memory is not the cause."""
    for one in reversed([*causes(error)]):  # the first to say so says it best
        said = str(one).strip()
        if found := SAYS_SO.search(said):
            start = said.rfind("\n", 0, found.end()) + 1
            return said[start:].split("\n")[0]
        # By name: torch's is not to be imported here.
        if any(base.__name__ in TYPES for base in type(one).__mro__):
            return said.split("\n")[0] or type(one).__name__
    return None


def causes(error: BaseException) -> Iterator[BaseException]:
    """The error, and those that it was raised from or while they were handled, or is a group of."""
    waiting, seen = [error], set()
    while waiting:
        one = waiting.pop(0)
        if id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        before = one.__cause__ or (None if one.__suppress_context__ else one.__context__)
        waiting += [before] if before else []
        waiting += one.exceptions if isinstance(one, BaseExceptionGroup) else ()
