"""Run the notebooks of docs/ from beginning to end; a cell that fails fails this.

python .ci/notebooks.py                   each in a copy of docs/, so that nothing is left behind
python .ci/notebooks.py --write [NAME…]   and keep what the cells gave out
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

DOCS = Path(__file__).parents[1] / "docs"
SECONDS = 300
"""Of all notebooks together, on two cores; a slower machine is told, not failed."""


def run(path: Path, folder: Path) -> Any:
    """Run one notebook in a copy of its folder and return it with what its cells gave out."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook,
        timeout=1200,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
        record_timing=False,
        coalesce_streams=True,
    ).execute()
    return notebook


def main() -> int:
    """Run all, or those that are named."""
    import nbformat

    os.environ |= {"MPLBACKEND": "module://matplotlib_inline.backend_inline", "OMP_NUM_THREADS": "1"}
    names = [word for word in sys.argv[1:] if word != "--write"]
    whole = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        copy = Path(name) / "docs"
        shutil.copytree(DOCS, copy)
        for path in sorted((DOCS / "notebooks").glob("*.ipynb")):
            if names and path.stem not in names:
                continue
            begun = time.monotonic()
            notebook = run(path, copy / "notebooks")
            print(f"{path.name}: {len(notebook.cells)} cells, {time.monotonic() - begun:.0f} s")
            if "--write" in sys.argv[1:]:
                notebook.metadata = {
                    "kernelspec": notebook.metadata["kernelspec"],
                    "language_info": {"name": "python"},
                }
                nbformat.write(notebook, path)
    taken = time.monotonic() - whole
    print(f"all: {taken:.0f} s" + (f", more than {SECONDS} s" if taken > SECONDS else ""))
    return 0


if __name__ == "__main__":
    sys.exit(main())
