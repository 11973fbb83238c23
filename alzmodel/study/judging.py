"""The comparison of a study: rows, verdicts, and the lines that stand first."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, get_args

from alzmodel.compare.by_potential import judge_by_potential
from alzmodel.compare.comparison import compare_models
from alzmodel.compare.findings import findings
from alzmodel.compare.hypotheses import load_hypotheses
from alzmodel.compare.measured import load_measured
from alzmodel.compare.verdicts import VerdictWord
from alzmodel.report.opening import Opening
from alzmodel.study.basis import basis_of
from alzmodel.study.shell_ends import ends_of_library, ends_of_study, with_shell_ends

if TYPE_CHECKING:
    from collections.abc import Iterator

    from alzmodel.compare.comparison import Comparison
    from alzmodel.compare.verdicts import Verdict
    from alzmodel.study.basis import Basis
    from alzmodel.study.index import Findings
    from alzmodel.study.settings import StudySettings

__all__ = ["Judged", "judge"]


@dataclass(frozen=True, slots=True)
class Judged:
    """What a study says of the measurements.

    Attributes
    ----------
    rows
        Measured values beside those of the study's own models.
    verdicts
        On the hypotheses, by the models of `basis`.
    basis
        Whose models those are.
    opening
        The first lines.
    """

    rows: tuple[Comparison, ...]
    verdicts: tuple[Verdict, ...]
    basis: Basis
    opening: Opening

    def to_dict(self) -> dict[str, Any]:
        """Return the keys that ``alzmodel compare --json`` prints."""
        return {
            "measured": [row.to_dict() for row in self.rows],
            "hypotheses": [verdict.to_dict() for verdict in self.verdicts],
            "judged_by": self.basis.to_dict(),
            "summary": self.opening.to_dict(),
        }


def judge(settings: StudySettings, found: Findings) -> Judged:
    """Compare the models of a study with the measured values, and judge the hypotheses.

    Parameters
    ----------
    settings, found
        The study, and what its finished tasks say.
    """
    basis = basis_of(settings, found)
    rows = compare_models(found.quantities, load_measured(settings.compare.measured))
    verdicts = judge_by_potential(
        basis.quantities, load_hypotheses(settings.compare.hypotheses), made_with=basis.potential
    )
    own = basis.models == "study"
    verdicts = with_shell_ends(verdicts, ends_of_study(found.records) if own else ends_of_library())
    counted = Counter(verdict.verdict for verdict in verdicts)
    opening = Opening(
        modelled=tuple(_modelled(settings, found)),
        counts={word: counted[word] for word in get_args(VerdictWord) if counted[word]},
        judged_by=basis.words,
        findings=tuple(findings(verdicts)),
        go_on="'alzmodel compare DIR --full' lists every measured value beside the models",
    )
    return Judged(tuple(rows), tuple(verdicts), basis, opening)


def _modelled(settings: StudySettings, found: Findings) -> Iterator[str]:
    """Say what was modelled: composition, models, protocol, potential."""
    glasses = [record for record in found.records if record.stage == "glass"]
    if not glasses:
        yield f"Study {settings.name}: no glass is done yet."
        return
    asked = [record.inputs["model"] for record in glasses]
    made = [record.results["provenance"] for record in glasses]
    contents = ", ".join(f"{x:g}" for x in sorted({one["la"] for one in asked}))
    dopants = sorted({one["dopant"] for one in asked if "dopant" in one})
    doped = f", La partly replaced by {', '.join(dopants)}" if dopants else ""
    yield f"Study {settings.name}: glasses Li7LaxZr2O(12-d) at x = {contents}{doped}."
    sizes = sorted(one["n_atoms"] for one in made)
    atoms = f"{sizes[0]}" if sizes[0] == sizes[-1] else f"{sizes[0]} to {sizes[-1]}"
    protocols = ", ".join(sorted({one["protocol"]["name"] for one in made}))
    potentials = ", ".join(sorted({one["potential"]["name"] for one in made}))
    seeds = len({one["seed"] for one in asked})
    yield (
        f"{len(glasses)} glasses of {atoms} atoms ({seeds} seed{'s' if seeds > 1 else ''}), "
        f"protocol {protocols}, potential {potentials}."
    )
    other = Counter(record.stage for record in found.records if record.stage in {"crystal", "crystallite"})
    if other:
        yield f"Beside them {sum(other.values())} reference crystals, with measured lattice parameters."
