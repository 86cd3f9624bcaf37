import subprocess
from functools import partial
from pathlib import Path

from hydra_sweep.code.project import project_root


def task_in(file: Path):
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("def main(cfg): pass\n")
    namespace = {}
    exec(compile(file.read_text(), file, "exec"), namespace)
    return namespace["main"]


def test_the_project_is_the_work_tree_that_the_task_is_part_of(tmp_path):
    subprocess.run(["git", "init", "--quiet", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text("ignored/\n")
    assert project_root(task_in(tmp_path / "src/app/train.py")) == tmp_path
    assert project_root(task_in(tmp_path / "ignored/app/train.py")) == tmp_path / "ignored/app"


def test_without_git_it_is_the_tasks_folder(tmp_path, monkeypatch):
    assert project_root(task_in(tmp_path / "app/train.py")) == tmp_path / "app"
    monkeypatch.chdir(tmp_path)
    assert project_root(partial(print)) == tmp_path
