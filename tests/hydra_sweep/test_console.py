import subprocess
import sys

import pytest

SAY = "from hydra_sweep.console import say; say('12 trials … ↻2 [a,b] ü')"


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", "12 trials … ↻2 [a,b] ü\n"),
        ("latin-1", "12 trials . x2 [a,b] ü\n"),
        ("ascii", "12 trials . x2 [a,b] ?\n"),
    ],
)
def test_what_is_said_is_readable_in_any_encoding(encoding, said):
    env = {"PYTHONIOENCODING": encoding}
    done = subprocess.run([sys.executable, "-c", SAY], env=env, capture_output=True, check=True)
    assert done.stdout.decode(encoding) == said
