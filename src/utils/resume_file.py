from pathlib import Path


def resume_file(folder: str | Path) -> Path:
    """Of a trial's folder: the checkpoint from which it goes on after an interruption."""
    return Path(folder, "checkpoints", "resume.ckpt")
