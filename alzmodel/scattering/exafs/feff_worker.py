"""Child process that runs stages of FEFF: its words, and those of FEFF, go nowhere; its answers to stdout.

A line on stdin is ``{"folder": path, "stages": [name, …]}`` with ``feff.inp`` in that folder; the answer is a line with
the error, empty if there is none. The end of stdin ends the process.
"""

from __future__ import annotations

import json
import os
from pathlib import Path


def main() -> None:
    """Serve until stdin ends."""
    # What FEFF prints comes from processes of its own, which have the same streams.
    requests = os.fdopen(os.dup(0), encoding="utf-8")
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    import feff10

    for line in requests:
        task = json.loads(line)
        try:
            given = feff10.FeffInput.from_file(str(Path(task["folder"]) / "feff.inp"))
            stages = [feff10.Stage.from_name(name) for name in task["stages"]]
            feff10.FeffPipeline(feff10.FeffConfig(task["folder"], given, stages=stages)).run()
        except feff10.FeffError as error:
            answers.write(f"{' '.join(str(error).split())}\n")
        else:
            answers.write("\n")
        answers.flush()


if __name__ == "__main__":
    main()
