"""How errors say that memory ran out: on a GPU or not, in whichever library, wrapped or not."""

import re
from collections.abc import Iterator

# The words of PyTorch's allocators and CUDA's libraries (c10/core/CPUAllocator.cpp, c10/cuda), of C++ and
# of XLA; and those for a tensor that no address space would hold. A want of shared memory is the machine's.
SAID = re.compile(
    r"(?<![a-z])out[ _]of[ _](?:(?:device|host|gpu)[ _])?memory\b"  # CUDA, HIP, MPS, XPU, NCCL, XLA
    r"|_STATUS_ALLOC_FAILED\b"  # cuBLAS, cuDNN, cuSOLVER, cuSPARSE
    r"|_STATUS_\w+,? when calling .?cu\w+Create\("  # a handle, the first thing that needs some
    r"|DefaultCPUAllocator: (?:can.{1,3}t allocate|not enough) memory"
    r"|\bCannot allocate memory\b"
    r"|\bstd::bad_alloc\b"
    r"|\bRESOURCE_EXHAUSTED: .*alloc"
    r"|\b(?:Storage size|Stride) calculation overflowed\b",
    re.I,
)


def out_of_memory(error: BaseException) -> BaseException | None:
    """The first that said so, of the error and those that it came of."""
    said_so = [one for one in chain(error) if _says_so(one)]
    return said_so[-1] if said_so else None


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came of, as a traceback shows them; of a group, each of its members."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        if isinstance(error, BaseExceptionGroup):
            for member in error.exceptions:
                yield from chain(member)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def _says_so(error: BaseException) -> bool:
    # By name: torch.OutOfMemoryError is not to be imported here.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return bool(SAID.search(str(error)))
