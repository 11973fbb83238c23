"""What stands first in every look at a study: models, counts of verdicts, findings, the next command."""

from __future__ import annotations

from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from rich.console import Console

    from alzmodel.compare.findings import Finding

__all__ = ["Opening", "opening_html", "print_opening"]


@dataclass(frozen=True, slots=True)
class Opening:
    """The first lines of a study.

    Attributes
    ----------
    modelled : sequence of str
        Composition, models, protocol and potential, a line each.
    counts : mapping of str to int
        Verdict to the number of hypotheses that got it.
    judged_by : str
        Which models the verdicts rest on.
    findings : sequence of Finding
        From :func:`alzmodel.compare.findings.findings`.
    go_on : str
        The next command, and what it does; DIR stands for the folder, so that equal studies give equal files.
    """

    modelled: Sequence[str]
    counts: Mapping[str, int]
    judged_by: str
    findings: Sequence[Finding]
    go_on: str

    @property
    def verdict_words(self) -> str:
        """Counts of the verdicts, as ``2 supported, 3 contradicted``."""
        return ", ".join(f"{number} {word}" for word, number in self.counts.items()) or "none"

    def to_dict(self) -> dict[str, Any]:
        """Key ``summary`` of ``alzmodel run --json`` and ``compare --json``."""
        return {
            "modelled": list(self.modelled),
            "counts": dict(self.counts),
            "judged_by": self.judged_by,
            "findings": [finding.to_dict() for finding in self.findings],
            "next": self.go_on,
        }


_NO_FINDING = "No effect stands out of its error."


def print_opening(opening: Opening, console: Console, folder: Path) -> None:
    """Print the first lines of the study in a folder."""
    for line in opening.modelled:
        console.print(line, markup=False, highlight=False)
    console.print(f"\nVerdicts: {opening.verdict_words}.", markup=False, highlight=False)
    console.print(opening.judged_by, markup=False, highlight=False)
    console.print("\nWhat stands out:", markup=False, highlight=False)
    for number, finding in enumerate(opening.findings, start=1):
        console.print(f"{number}. {finding.text}.", markup=False, highlight=False)
        if finding.caveat:
            console.print(f"   But: {finding.caveat}.", markup=False, highlight=False)
    if not opening.findings:
        console.print(_NO_FINDING, markup=False, highlight=False)
    words = opening.go_on.replace("DIR", str(folder))
    console.print(f"\nNext: {words}\n", markup=False, highlight=False)


def opening_html(opening: Opening) -> str:
    """Write the first lines of a study as HTML."""
    modelled = "".join(f"<li>{escape(line)}</li>" for line in opening.modelled)
    found = "".join(
        f"<li>{escape(finding.text)}."
        + (f" <span class='small'>But: {escape(finding.caveat)}.</span>" if finding.caveat else "")
        + "</li>"
        for finding in opening.findings
    )
    stands_out = f"<ol>{found}</ol>" if found else f"<p>{_NO_FINDING}</p>"
    return (
        f"<ul class='modelled'>{modelled}</ul>\n"
        f"<p><strong>Verdicts: {escape(opening.verdict_words)}.</strong> {escape(opening.judged_by)}</p>\n"
        f"<h3>What stands out</h3>\n{stands_out}\n"
        f"<p class='small'>Next: {escape(opening.go_on)}</p>\n"
    )
