"""The words of real errors: the first as PyTorch 2.11 said them on an H200, filled with cudaMalloc, and as
PyTorch 2.15 did on a CPU; the others are from their projects' issues."""

import pytest
from hydra.errors import InstantiationException

from hydra_sweep.study.out_of_memory import out_of_memory

RAN_OUT = [
    "CUDA out of memory. Tried to allocate 81.96 GiB. GPU 0 has a total capacity of 139.80 GiB of which",
    "CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in https://docs.nvidia.com/cuda",
    "cusolver error: CUSOLVER_STATUS_INTERNAL_ERROR, when calling `cusolverDnCreate(handle)`. If you keep",
    "Storage size calculation overflowed with sizes=[4611686018427387904, 4611686018427387904]",
    "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tri",
    "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "cusolver error: CUSOLVER_STATUS_ALLOC_FAILED, when calling `cusolverDnCreate(handle)`",
    "NCCL error in: ProcessGroupNCCL.cpp:1970, unhandled cuda error. Cuda failure 2 'out of memory'",
    "HIP out of memory. Tried to allocate 20.00 MiB",
    "MPS backend out of memory (MPS allocated: 17.98 GB, other allocations: 11.75 MB, max allowed: 18 GB)",
    "RESOURCE_EXHAUSTED: Out of memory while trying to allocate 8589934592 bytes.",
    "[enforce fail at alloc_cpu.cpp:80] data. DefaultCPUAllocator: not enough memory: you tried to allo",
    "level_zero backend failed with error: 39 (UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY)",
    "[Errno 12] Cannot allocate memory",
    "unable to mmap 4096 bytes from file </x>: Cannot allocate memory (12)",
    "std::bad_alloc",
    "Stride calculation overflowed",
]
DID_NOT = [
    "unable to open shared memory object </torch_1_2_3> in read-write mode: Too many open files (24)",
    "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that dataloader's workers "
    "are out of shared memory. Please try to raise your shared memory limit.",
    "out of resource: shared memory, Required: 264192, Hardware limit: 232448.",
    "unsupported memory format option Preserve",
    "mat1 and mat2 shapes cannot be multiplied (128x784 and 10x64)",
    "CUDA error: device-side assert triggered",
    "cuFFT error: CUFFT_INTERNAL_ERROR",  # which says too little
    "CUDA error: CUBLAS_STATUS_EXECUTION_FAILED when calling `cublasSgemm`",
    "'memory'",
    "",
]


def raised(wrap, cause: Exception) -> BaseException:
    try:
        wrap(cause)
    except BaseException as error:
        return error


def bare(cause):
    raise cause


def instantiated(cause):
    raise InstantiationException("Error in call to target 'torch.nn.Linear'") from cause


def text_alone(cause):
    raise InstantiationException(f"Error in call to target 'torch.nn.Linear':\n{cause!r}")


def handled(cause):
    try:
        raise cause
    except Exception:
        raise ValueError("while cleaning up")  # noqa: B904


def in_a_chain(cause):
    raise ValueError("the trial failed") from raised(instantiated, cause)


def in_a_group(cause):
    raise ExceptionGroup("all of it", [ValueError("another"), raised(in_a_chain, cause)])


WRAPPED = (bare, instantiated, text_alone, handled, in_a_chain, in_a_group)


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("said", RAN_OUT)
def test_it_is_recognised(said, wrap):
    error = RuntimeError(said)
    found = out_of_memory(raised(wrap, error))
    assert found is error if wrap is not text_alone else found


@pytest.mark.parametrize("wrap", WRAPPED)
@pytest.mark.parametrize("said", DID_NOT)
def test_what_only_sounds_like_it_is_not(said, wrap):
    assert out_of_memory(raised(wrap, RuntimeError(said))) is None


@pytest.mark.parametrize("wrap", [wrap for wrap in WRAPPED if wrap is not text_alone])
def test_a_type_says_it_too(wrap):
    """numpy's is a MemoryError of its own."""
    assert out_of_memory(raised(wrap, type("_ArrayMemoryError", (MemoryError,), {})("1. TiB")))


def test_what_was_dealt_with_does_not_count():
    def another(cause):
        try:
            raise cause
        except RuntimeError:
            raise ValueError("something else") from None

    assert out_of_memory(raised(another, RuntimeError("CUDA out of memory"))) is None


def test_an_error_that_is_its_own_context_ends():
    one, other = ValueError("a"), ValueError("b")
    one.__context__, other.__context__ = other, one
    assert out_of_memory(one) is None
