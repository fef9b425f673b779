"""conftest.py: finds tests/harness and tests/emulated; fixtures are there."""
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.fixtures import *  # noqa: E402,F401,F403
