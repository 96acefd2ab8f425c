"""The notebook of job failures, for its tests: executed as a user would without a browser, or its cells in this process, which is faster."""
import json
import os
import pathlib
import shutil
import subprocess

from reprise import BIN, ROOT, environment

NOTEBOOK = ROOT / "notebooks" / "job-failure-analysis.ipynb"
WANTED = ["jupyter", "jupyter-nbconvert"]  # its programs; packaging/dependencies.txt has the packages


def missing():
    return next((f"{name} is not installed" for name in WANTED if shutil.which(name) is None), None)


def settings(source, out, **more):
    return {"REPRISE_NB_SOURCE": source, "REPRISE_NB_OUT": out, "REPRISE_BIN": BIN} | {f"REPRISE_NB_{k.upper()}": v for k, v in more.items()}


def execute(source, out, **more):
    """By nbconvert and a kernel: how it ended, and the cells of the executed notebook (None: it was stopped)."""
    env = environment(**settings(source, out, **more), HOME=out, PWD=out)
    done = subprocess.run(["jupyter", "nbconvert", "--to", "notebook", "--execute", "--ExecutePreprocessor.startup_timeout=600",
                           "--output-dir", str(out), str(NOTEBOOK)], env=env,
                          capture_output=True, text=True, timeout=800, cwd=out)
    file = pathlib.Path(out) / NOTEBOOK.name
    return done, json.loads(file.read_text())["cells"] if file.exists() else None


def code():
    return ["".join(c["source"]) for c in json.loads(NOTEBOOK.read_text())["cells"] if c["cell_type"] == "code"]


def cells(source, out, cells_most=None, **more):
    """What the cells leave behind: their names, and as "said" the sentences that they showed. A Stop of the notebook is raised."""
    import IPython.display
    import matplotlib
    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    said, display = [], IPython.display.display
    IPython.display.display = lambda thing: said.append(thing.data if isinstance(thing, IPython.display.Markdown) else "")
    before = dict(os.environ)
    names = {"__name__": "notebook"}
    try:
        os.environ.update({k: str(v) for k, v in settings(source, out, **more).items()})
        for number, text in enumerate(code()[:cells_most]):
            exec(compile(text, f"cell {number}", "exec"), names)  # pylint: disable=exec-used
    finally:
        plt.close("all")
        IPython.display.display = display
        os.environ.clear()
        os.environ.update(before)
    return names | {"said": "\n".join(said)}
