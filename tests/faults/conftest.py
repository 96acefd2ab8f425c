"""The black-box tests of this folder share the helpers of tests/e2e."""
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1] / "e2e"))
