import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
CONFIGS = ROOT / "configs"

# `paths.root_dir` in the configuration: this checkout, unless the user has set another.
os.environ.setdefault("PROJECT_ROOT", str(ROOT))
