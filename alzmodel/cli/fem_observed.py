"""``alzmodel fem MODEL --observed``: the variance as a microscope records it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

from alzmodel.cli.output import print_table, say
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from ase import Atoms

    from alzmodel.cli.options.fem import AverageOptions, ClusterOptions, ObservedOptions
    from alzmodel.scattering.fem.observed import Incoherent

__all__ = ["check_observed", "frames_of_column", "incoherent_of", "print_observed"]

_HIGHEST = 3000.0
"""K."""


def check_observed(observed: ObservedOptions, clusters: ClusterOptions, averages: AverageOptions) -> None:
    """Refuse options that do not go with ``--observed``, and its options without it."""
    if not observed.observed:
        for one in fields(observed):
            value = getattr(observed, one.name)
            if value != one.default:
                name = one.name.replace("_", "-")
                raise InputError(f"--{name} {value}: of V as recorded; allowed: with --observed")
        return
    if averages.cap:
        raise InputError(
            f"--cap {averages.cap:g}: with --observed; allowed: --membrane, which also takes energy"
        )
    if clusters.only:
        raise InputError(
            f"--only {clusters.only}: with --observed; allowed: all elements, which lose energy together"
        )
    if clusters.readings:
        raise InputError("--readings: with --observed; allowed: one of them")
    temperature = observed.temperature
    if temperature is not None and not 0 < temperature <= _HIGHEST:
        raise InputError(
            f"--temperature {temperature:g}: out of range; allowed: above 0, up to {_HIGHEST:g} K"
        )
    incoherent_of(observed, 0.0)


def incoherent_of(observed: ObservedOptions, electrons: float) -> Incoherent:
    """Specimen and recording."""
    from alzmodel.scattering.fem.observed import Incoherent

    return Incoherent(
        film=observed.film,
        membrane=observed.membrane,
        filtered=observed.filtered,
        background=observed.background,
        glare=observed.glare,
        modes=observed.modes,
        thickness_spread=observed.thickness_spread,
        displacement=observed.displacement,
        electrons=electrons,
    )


def frames_of_column(frames: Sequence[Atoms], observed: ObservedOptions) -> list[Atoms]:
    """Frames of a file as one model whose columns hold the motion, scaled to the temperature that was asked for."""
    from alzmodel.scattering.fem.thermal import frame_temperature, harmonic_scale, joined_frames

    wanted = observed.temperature
    if len(frames) == 1:
        if wanted is not None:
            raise InputError(
                f"--temperature {wanted:g}: one frame, which does not move; allowed: a file of several frames "
                "(alzmodel library NAME --frames)"
            )
        tell("one frame: no thermal average, as a file of several frames would give")
        return list(frames)
    there = frame_temperature(frames[0])
    scale = 1.0
    if wanted is not None:
        if there is None:
            raise InputError(
                f"--temperature {wanted:g}: the file does not say that of its frames; allowed: frames with "
                "their protocol, or without --temperature"
            )
        scale = harmonic_scale(there, wanted)
    words = "at a temperature that the file does not say" if there is None else f"at {there:g} K"
    if scale != 1.0:
        words += f", motion scaled by {scale:.2f} to {wanted:g} K (classical, harmonic)"
    tell(
        f"intensities of {len(frames)} frames {words} are averaged; motion slower than they are apart is not"
    )
    return [joined_frames(frames, scale=scale)]


def print_observed(observed: Mapping[str, Any]) -> None:
    """Print what was predicted, what was put in, and the peaks."""
    rows = [("predicted", name, value) for name, value in observed["predicted"].items()]
    rows += [("nuisance", name, value) for name, value in observed["nuisance"].items()]
    print_table("as the microscope records it", ("", "parameter", "value"), rows)
    _print_deciding(observed)
    if observed.get("peaks_note"):
        tell(observed["peaks_note"])
    if not observed["peaks"]:
        tell("no peak of the recorded V is significant by the F-test")
        return
    print_table(
        f"peaks of the recorded variance, on a background ({observed['peaks_background']})",
        ("peak", "k (1/nm)", "±", "systematic", "fwhm (1/nm)", "±", "systematic", "p"),
        [
            (
                peak["label"],
                peak["k"],
                _half(peak["k_ci95"]),
                peak["k_systematic"],
                peak["fwhm"],
                _half(peak["fwhm_ci95"]),
                peak["fwhm_systematic"],
                f"{peak['p_value']:.1g}",
            )
            for peak in observed["peaks"]
        ],
    )


def _print_deciding(observed: Mapping[str, Any]) -> None:
    deciding = observed.get("deciding")
    if deciding is None:
        return
    print_table(
        "what would decide: expected of each reading",
        (
            "reading",
            "peak at 3.2",
            "zero-loss",
            "n of V ~ t^n",
            "at 5.3",
            "rings 3.2-5.3",
            "k V like mean",
            "re",
            "at 5.3",
        ),
        [
            (
                one["reading"],
                one["contrast"],
                one["contrast_filtered"],
                *one["thickness_exponents"],
                one["ring_correlation"],
                one["follows_mean"],
                *one["re"],
            )
            for one in deciding["expected"]
        ],
    )
    for line in deciding["words"]:
        say(f"alzmodel: {line}")


def _half(interval: Sequence[float]) -> float:
    return 0.5 * (interval[1] - interval[0])
