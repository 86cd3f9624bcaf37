import os
from pathlib import Path

# `paths.root_dir` in the configuration: this checkout, unless the user has set another.
os.environ.setdefault("PROJECT_ROOT", str(Path(__file__).resolve().parents[1]))
