"""Texts as libraries write them, the first as PyTorch 2.11 did on an H200 whose memory was full, in every
wrapping that they arrive in."""

import pytest
from hydra.errors import InstantiationException
from optuna.trial import TrialState

from hydra_sweep.study.outcome import of_error

CPU = "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"
SAYS_SO = [
    "CUDA out of memory. Tried to allocate 81.96 GiB. GPU 0 has a total capacity of 139.80 GiB of which",
    "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in https://docs.nvidia.com/cuda",
    "cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling `cusolverDnCreate(handle)`. If you",
    "CUDA driver error: out of memory",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cuFFT error: CUFFT_ALLOC_FAILED",
    "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
    "NCCL error in: ProcessGroupNCCL.cpp:2\nLast error:\nCuda failure 2 'out of memory'",
    "HIP out of memory. Tried to allocate 20.00 MiB",
    "XPU out of memory. Tried to allocate 20.00 MiB",
    "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
    "MPS backend out of memory (MPS allocated: 8.00 GB, other allocations: 1 GB)",
    "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes.",
    "RESOURCE_EXHAUSTED: Failed to allocate request for 2.0GiB (2147483648B) on device ordinal 0",
    CPU,
    "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried",
    "[Errno 12] Cannot allocate memory",
    "unable to mmap 96 bytes from file </torch_1>: Cannot allocate memory (12)",
    "Unable to allocate 728. TiB for an array with shape (10000000, 10000000) and data type float64",
    "std::bad_alloc",
    "Storage size calculation overflowed with sizes=[1099511627776, 1099511627776]",
    "empty(): argument 'size' failed to unpack the object with error \"Overflow when unpacking long",
    "array is too big; `arr.size * arr.dtype.itemsize` is larger than the maximum possible size.",
    "Caught OutOfMemoryError in replica 0.\nOriginal:\ntorch.OutOfMemoryError: CUDA out of memory.",
]
ONLY_MENTIONS = [
    "batch_size=512 would run out of memory: expected at most 256",
    "unable to open shared memory object </torch_1> in read-write mode",
    "Unsupported memory format. Supports channels_last, got memory_format=1",
    "CUDA error: an illegal memory access was encountered",
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "cuDNN error: CUDNN_STATUS_NOT_SUPPORTED",
    "CUDA error: device-side assert triggered",
    "cuFFT error: CUFFT_INTERNAL_ERROR",  # an H200's, for lack of memory, but it says too little
    "RESOURCE_EXHAUSTED: Quota exceeded for requests per minute",
    "Trying to create tensor with negative dimension -1: [-1]",
    "Unable to allocate port 3000",
    "cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned in memory",
]


class OutOfMemoryError(RuntimeError):
    """torch's is told by its name."""


class ArrayMemoryError(MemoryError):
    """numpy's, likewise."""


def bare(error: Exception) -> None:
    raise error


def instantiated(error: Exception) -> None:
    raise InstantiationException(f"Error in call to target 'net':\n{error!r}") from error


def only_in_the_text(error: Exception) -> None:
    raise InstantiationException(f"Error in call to target 'net':\n{error!r}")


def raised_from(error: Exception) -> None:
    between = KeyError("net")
    between.__cause__ = error
    raise ValueError("no net") from between


def while_handled(error: Exception) -> None:
    try:
        raise error
    except type(error):
        raise ValueError("no net")  # noqa: B904 (as people write it)


def grouped(error: Exception) -> None:
    raise ExceptionGroup("two", [KeyError("net"), error])


WRAPPINGS = [bare, instantiated, only_in_the_text, raised_from, while_handled, grouped]


def ended(wrapped, error: Exception):
    try:
        wrapped(error)
    except Exception as caught:
        return of_error(caught)


@pytest.mark.parametrize("wrapped", WRAPPINGS)
def test_whoever_says_so_and_however_it_is_wrapped_the_trial_is_pruned(wrapped):
    errors = [RuntimeError(text) for text in SAYS_SO]
    for error in (*errors, MemoryError(), OutOfMemoryError("of a device"), ArrayMemoryError("too large")):
        outcome = ended(wrapped, error)
        assert outcome.state == TrialState.PRUNED, (wrapped, error)
        assert outcome.reason.startswith("out of memory: ")
        assert "\n" not in outcome.reason
        assert outcome.is_error  # another rank fails of it, too


@pytest.mark.parametrize("wrapped", WRAPPINGS)
def test_what_only_mentions_memory_fails(wrapped):
    for error in (*map(RuntimeError, ONLY_MENTIONS), KeyError("memory"), AttributeError("memory_format")):
        assert ended(wrapped, error).state == TrialState.FAIL, (wrapped, error)


def test_the_reason_is_the_line_that_says_so():
    assert ended(instantiated, RuntimeError(CPU)).reason == f"out of memory: {CPU}"
    assert ended(bare, MemoryError()).reason == "out of memory: MemoryError"


def test_a_cause_that_was_dealt_with_is_none():
    def fell_back(error: Exception) -> None:
        try:
            raise error
        except MemoryError:
            raise ValueError("no net") from None

    assert ended(fell_back, MemoryError()).state == TrialState.FAIL


def test_too_little_shared_memory_is_the_machines_fault():
    loader = "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's "
    outcome = ended(raised_from, RuntimeError(loader + "workers are out of shared memory."))
    assert (outcome.state, outcome.mistake) == (TrialState.WAITING, True)


def test_hydras_first_line_is_told_with_what_it_is_about():
    outcome = ended(instantiated, ValueError("lin1_size: expected a size"))
    assert "Error in call to target 'net': ValueError('lin1_size: expected a size')" in outcome.reason
