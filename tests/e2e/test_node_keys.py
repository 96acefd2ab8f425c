"""node-keys/safe-cron-execution: compiled with its own TypeScript and tested with Node's runner against a running daemon. Skips with a
clear line where Node, npm or the way to its packages is missing."""
import os
import pathlib
import shutil
import subprocess

import pytest

from reprise import BIN, ROOT

SOURCE = ROOT / "node-keys" / "safe-cron-execution"


def node(folder, *command, timeout=800):
    env = {k: os.environ[k] for k in ("PATH", "HOME", "TMPDIR") if k in os.environ} | {"REPRISE_BIN": str(pathlib.Path(BIN).resolve()), "CI": "1"}
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=timeout)


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    for tool in ("node", "npm"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is not installed")
    folder = tmp_path_factory.mktemp("node-keys") / "project"
    shutil.copytree(SOURCE, folder, ignore=shutil.ignore_patterns("node_modules", "dist"))
    try:
        got = node(folder, "npm", "install", "--no-audit", "--no-fund", "--no-package-lock", "--prefer-offline", timeout=240)
    except subprocess.TimeoutExpired:
        pytest.skip("npm install took longer than four minutes")
    if got.returncode != 0:
        pytest.skip("npm could not install typescript and @types/node: " + (got.stderr.strip().splitlines() or ["no word"])[-1])
    return folder


def test_it_compiles_strictly_and_has_no_dependency_at_run_time(project):
    built = node(project, "npx", "--no-install", "tsc")
    assert built.returncode == 0, built.stdout
    assert '"dependencies"' not in (SOURCE / "package.json").read_text()
    for file in (project / "dist" / "src").glob("*.js"):
        imports = [line for line in file.read_text().splitlines() if line.startswith(("import ", "export ")) and " from " in line]
        assert all("'node:" in line or "'./" in line for line in imports), imports


def test_replay_and_locked_runs_against_a_running_daemon(project):
    if not (project / "dist").is_dir():
        assert node(project, "npx", "--no-install", "tsc").returncode == 0
    tests = node(project, "node", "--test", "dist/test/")
    assert tests.returncode == 0, tests.stdout[-6000:] + tests.stderr[-2000:]
    assert "# pass 12" in tests.stdout and "# skipped 0" in tests.stdout, tests.stdout[-400:]
