"""The study that screens dopants, from a few numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, cast

from alzmodel.errors import InputError
from alzmodel.study.screening import HOST
from alzmodel.study.settings import RunSettings, StudySettings, allowed_words
from alzmodel.study.stages.glass import Dopant, GlassSettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

__all__ = ["screen_study"]


def screen_study(
    dopants: Sequence[str],
    *,
    la: Sequence[float | str] = (3.0,),
    fractions: Sequence[float] = (0.1,),
    seeds: int = 4,
    compensate: Sequence[str] = ("li",),
    atoms: int = 600,
    protocol: str = "quick",
    protocol_changes: Mapping[str, float | int | str] | None = None,
    potential: str = "du-teter",
    workers: int = 2,
    first_seed: int = 1,
    exchange: Sequence[str] = (),
    transport: bool = False,
    name: str = "dopant screen",
) -> StudySettings:
    """Make the settings of a study that screens dopants.

    Parameters
    ----------
    dopants
        Ions or elements; a bare element with two valences (``Ce``) stands for both. ``La`` is the control: it replaces
        itself in models of other seeds, and must do nothing.
    la, atoms, protocol, protocol_changes, potential, workers
        As in a study file.
    fractions
        Of La replaced.
    seeds
        Models of every glass.
    compensate
        What balances the charge; ions of the charge of La need nothing and are built once.
    first_seed
        The models have this seed and those that follow.
    exchange
        Two ions of one charge that take each other's radii and pair parameters: what the screen says of one must then
        be said of the other.
    transport
        Whether Li is moved at 900 K in every glass too.
    name
        Of the study.

    Raises
    ------
    InputError
        If an ion is unknown or named twice, or a number is out of range.
    """
    from pydantic import ValidationError

    from alzmodel.ions import dopant_ions

    if not 1 <= seeds <= 1000:
        raise InputError(f"--seeds {seeds}: out of range; allowed: 1 to 1000 models of every glass")
    for fraction in fractions:
        if not 0 < fraction <= 1:
            raise InputError(
                f"--fractions {fraction:g}: out of range; allowed: above 0, up to 1 (of La replaced)"
            )
    for option, given in {"--la": la, "--fractions": fractions, "--compensate": compensate}.items():
        if not given:
            raise InputError(f"{option}: none; allowed: one or more")
    for way in compensate:
        if way not in {"li", "oxygen"}:
            raise InputError(f"--compensate {way}: unknown; allowed: li, oxygen")
    ions = [ion for word in dopants for ion in dopant_ions(word)]
    if not ions:
        raise InputError("--dopants: none; allowed: ions or elements such as Ce,Er,Ca2+")
    if len({ion.label for ion in ions}) != len(ions):
        raise InputError(f"--dopants {','.join(dopants)}: an ion is named twice; allowed: each once")
    if first_seed < 0:
        raise InputError(f"--first-seed {first_seed}: out of range; allowed: whole numbers from 0")
    own = list(range(first_seed, first_seed + seeds))
    entries = [
        Dopant(
            ion=ion.label,
            fraction=list(fractions),
            compensate=cast("Literal['li', 'oxygen']", way),
            seeds=[seed + seeds for seed in own] if ion.label == HOST else None,
        )
        for ion in ions
        for way in (compensate if ion.valence != 3 else compensate[:1])
    ]
    try:
        glass = GlassSettings(
            la=list(la),
            seeds=own,
            atoms=atoms,
            protocol=protocol,
            protocol_changes=dict(protocol_changes or {}),
            potential=potential,
            dopants=entries,
            exchange=list(exchange),
        )
        run = RunSettings(workers=workers)
    except ValidationError as error:
        fault = error.errors()[0]
        where = ".".join(str(step) for step in fault["loc"])
        raise InputError(
            f"{where}: {fault['input']!r} is refused; allowed: {allowed_words(fault)}"
        ) from error
    return StudySettings.model_validate(
        {
            "name": name,
            "glass": glass,
            "run": run,
            "xrd": False,
            "fem": False,
            "reference": False,
            **({"transport": {}} if transport else {}),
        }
    )
