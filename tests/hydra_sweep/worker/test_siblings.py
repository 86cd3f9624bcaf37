import subprocess
import sys

import pytest

# a task that tells of its siblings
TASK = """
import sys
from hydra_sweep.worker.siblings import Siblings
siblings = Siblings()
print(siblings.one_ended())
"""
# submitit's process: starts so many tasks, kills the first before the last is started, if told to
JOB = f"""
import os, subprocess, sys
n, killed = int(sys.argv[1]), sys.argv[2] == "killed"
os.environ["SUBMITIT_LOCAL_NTASKS"] = str(n)
tasks = [subprocess.Popen(["sleep", "60"]) for _ in range(n - 1)]
if killed:
    tasks[0].kill()
    tasks[0].wait()
print(subprocess.run([sys.executable, "-c", {TASK!r}], input="", capture_output=True, text=True).stdout)
for task in tasks:
    task.kill()
"""


@pytest.mark.parametrize(("what", "one_ended"), [("fine", "False"), ("killed", "True")])
def test_a_task_that_ended_before_the_others_looked_has_ended(what, one_ended):
    command = [sys.executable, "-c", JOB, "3", what]
    assert subprocess.run(command, capture_output=True, text=True, timeout=60).stdout.strip() == one_ended
