import pytest

from hydra_sweep.worker.gpu import NvidiaSmi, Reading, Unreadable


@pytest.fixture
def says(tmp_path, monkeypatch):
    """Puts a nvidia-smi on the path that runs this line of shell."""

    def nvidia_smi(line: str) -> None:
        program = tmp_path / "nvidia-smi"
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return nvidia_smi


@pytest.mark.parametrize(
    ("of_processes", "held"),
    [
        ("", {}),
        ("12, 400\n13, 3000\n", {12: 400, 13: 3000}),
        ("12, [N/A]\n13, 3000\n", {13: 3000}),
        ("No running processes found\n", {}),
    ],
)
def test_a_reading(of_processes, held):
    assert Reading.parse("81559, 3412, 37\n", of_processes) == Reading(81559, 3412, 37, held)


@pytest.mark.parametrize(
    ("of_gpu", "message"),
    [
        ("81559, 3412, [N/A]", "nvidia-smi says: 81559, 3412, \\[N/A\\]"),  # of MIG
        ("[N/A], [N/A], 0", "nvidia-smi says"),  # of a GPU without memory of its own
        ("81559, 0, 0\n81559, 0, 0", "sees 2 GPUs"),
        ("No devices were found", "says: No devices were found"),
        ("NVIDIA-SMI has failed because it couldn't communicate\nwith the driver.", "says: NVIDIA-SMI has"),
        ("81559, 3412", "says: 81559, 3412"),
        ("", "says: nothing"),
    ],
)
def test_what_cannot_be_read_is_named(of_gpu, message):
    with pytest.raises(Unreadable, match=message):
        Reading.parse(of_gpu, "")


@pytest.mark.parametrize("gpu", ["3", "GPU-8932f937-d72c", "MIG-c6d4f1ef-42e4"])
def test_the_worker_s_own_gpu_is_asked(says, monkeypatch, gpu):
    says(f'case "$*" in *--id={gpu}*--query-gpu=*) echo 10, 2, 3;; *--id={gpu}*) echo 7, 1;; esac')
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", gpu)
    assert NvidiaSmi().read() == Reading(10, 2, 3, {7: 1})


def test_the_only_gpu_needs_no_name(says):
    says('case "$*" in *--id*) exit 1;; *--query-gpu=*) echo 10, 2, 3;; esac')
    assert NvidiaSmi().read() == Reading(10, 2, 3, {})


@pytest.mark.parametrize("chosen", ["", "-1", "0,1"])
def test_none_and_several_are_refused(says, monkeypatch, chosen):
    says("echo 10, 2, 3")
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
    with pytest.raises(Unreadable, match=f"CUDA_VISIBLE_DEVICES={chosen}: expected one GPU"):
        NvidiaSmi()


def test_without_nvidia_smi(monkeypatch, tmp_path):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unreadable, match="no nvidia-smi"):
        NvidiaSmi()


def test_an_answer_is_not_waited_for(says, tmp_path):
    until = f"while ! [ -e {tmp_path}/go ]; do sleep 0.01; done"
    says(f'{until}; case "$*" in *--query-gpu=*) echo 10, 2, 3;; esac')
    gpu = NvidiaSmi()
    assert gpu.answer() is None  # not asked
    gpu.ask()
    gpu.ask()
    assert gpu.answer() is None
    (tmp_path / "go").touch()
    assert gpu.answer(wait=30) == Reading(10, 2, 3, {})
    assert gpu.answer() is None
