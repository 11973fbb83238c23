"""``alzmodel fem STACK``: the variance of measured patterns."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Final

from alzmodel.cli.costs import stack_cost
from alzmodel.cli.options import Comparison
from alzmodel.cli.options.fem import PeakOptions, StackOptions
from alzmodel.cli.output import say, show_progress
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.limits import forecast

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from alzmodel.cli.options.fem import CameraOptions, InstrumentOptions
    from alzmodel.scattering.fem.detector import PatternStack
    from alzmodel.scattering.fem.stack import StackResult

__all__ = ["fem_of_stack", "refuse_stack_options"]

_OF_STACKS: Final = frozenset(one.name for one in fields(StackOptions))
_TAKEN: Final = (
    _OF_STACKS
    | {one.name for kind in (PeakOptions, Comparison) for one in fields(kind)}
    | {"as_json", "energy", "ring_width", "gain", "readout", "psf"}
)
"""Options that do something for a stack; all others are refused."""
_FEW: Final = 5
"""Numbers of frames that are told."""


def refuse_stack_options(given: Mapping[str, str], path: Path) -> None:
    """Refuse options of measured stacks for a model."""
    for name, spelling in given.items():
        if name in _OF_STACKS:
            raise InputError(f"{spelling}: {path} is a model; allowed: with a stack of patterns")


def fem_of_stack(
    given: Mapping[str, str],
    files: Sequence[Path],
    stack: StackOptions,
    instrument: InstrumentOptions,
    peaks: PeakOptions,
    camera: CameraOptions,
) -> dict[str, Any]:
    """FEM of a measured stack, for JSON; options of models are refused.

    Parameters
    ----------
    given
        Options on the command line, see :func:`alzmodel.cli.options.given_options`.
    files
        One stack.
    stack, instrument, peaks, camera
        Options.
    """
    from alzmodel.scattering.fem.detector import Camera
    from alzmodel.scattering.fem.fit import fit_stack_peaks, with_peaks
    from alzmodel.scattering.fem.stack import (
        Corrections,
        Geometry,
        is_stack,
        measure_stack,
        read_mask,
        read_stack,
    )

    if len(files) > 1:
        path = next(path for path in files if is_stack(path))
        raise InputError(f"{path}: a stack of patterns among {len(files)} files; allowed: one stack alone")
    (path,) = files
    for name, spelling in given.items():
        if name not in _TAKEN:
            raise InputError(
                f"{spelling}: {path} is a stack of patterns, recorded already; allowed: with a model"
            )
    if stack.center is not None and "descan" in given and stack.descan:
        raise InputError("--descan: with --center; allowed: one of them")
    corrections = Corrections(stack.auto_mask, stack.descan, stack.offset)
    opened = read_stack(
        path,
        pixel_size=_pixel_size(stack),
        pixel_unit=stack.pixel_unit,
        energy_kev=instrument.energy if "energy" in given else None,
        dataset=stack.dataset,
    )
    shape = opened.patterns.shape[-2:]
    ahead = forecast(str(path), stack_cost(opened.patterns.shape).seconds)
    if ahead is not None:
        say(f"alzmodel: {ahead}")
    with show_progress(str(path)) as progress:
        result = measure_stack(
            opened,
            ring_width=instrument.ring_width,
            geometry=None if stack.center is None else Geometry(stack.center, aspect=opened.aspect),
            ellipse=stack.ellipse,
            camera=Camera(
                electrons=float(camera.gain > 0 or camera.readout > 0),
                gain=camera.gain or 1e-6,
                readout=camera.readout,
                psf_fwhm=camera.psf,
            ),
            mask=None if stack.mask is None else read_mask(stack.mask, shape),
            corrections=corrections,
            progress=progress,
        )
    _tell(path, opened, result)
    return with_peaks(result, fit_stack_peaks(result, peaks.fit.value, shape=peaks.shape.value)).to_dict()


def _pixel_size(stack: StackOptions) -> float | tuple[float, float] | None:
    if stack.pixel_size_y is None:
        return stack.pixel_size
    if stack.pixel_size is None:
        raise InputError(f"--pixel-size-y: {stack.pixel_size_y:g} alone; allowed: with --pixel-size")
    return stack.pixel_size, stack.pixel_size_y


def _tell(path: Path, stack: PatternStack, result: StackResult) -> None:
    """Say what was found, left out and undone."""
    found = result.geometry
    sides = f"{stack.pixel_size:.4g}" + (
        f" × {stack.pixel_size * stack.aspect:.4g}" if stack.aspect != 1 else ""
    )
    first = (
        f"{result.n_patterns} patterns, pixels of {sides} 1/nm, centre ({found.center[0]:.2f}, "
        f"{found.center[1]:.2f}), rings {found.ratio:.4f} as long as wide, long axis at {found.angle:.0f}°"
    )
    lines = [first]
    if result.dead_frames:
        few = ", ".join(map(str, result.dead_frames[:_FEW]))
        more = ", …" if len(result.dead_frames) > _FEW else ""
        lines.append(f"{len(result.dead_frames)} dead frames are left out: {few}{more}")
    if result.masked:
        counted = ", ".join(f"{number} {cause}" for cause, number in result.masked.items())
        lines.append(f"pixels left out: {counted}")
    cut = result.k[result.at_full_scale > 1e-3]
    if len(cut):
        lines.append(
            f"counts end at {result.full_scale:g}, and up to {result.at_full_scale.max():.0%} of a ring from "
            f"{cut[0]:.2f} to {cut[-1]:.2f} 1/nm stand there (saturation): V is too low"
        )
    if result.drift > 1e-6:
        lines.append(
            f"the direct beam moves by {result.drift:.2f} pixels rms: each pattern has a centre of its own"
        )
    if result.rings_end:
        lines.append(f"rings end at {result.k[-1]:.2f} 1/nm: {result.rings_end}")
    lines += _words_on_sources(result)
    for line in lines:
        tell(f"{path}: {line}")


def _words_on_sources(result: StackResult) -> list[str]:
    """Words on what the stack tells of the sources of its variance, where that is more than nothing."""
    from alzmodel.scattering.fem.stack_evidence import PEAK_RINGS

    evidence = result.evidence
    words = []
    low, high = evidence.peak_correlation_ci95
    if math.isfinite(evidence.peak_correlation):
        first, second = PEAK_RINGS
        words.append(
            f"rings around {first} and {second} 1/nm correlate over positions by {evidence.peak_correlation:.2f} "
            f"({low:.2f} to {high:.2f}): near 0 for speckle, near 1 for a spread of thickness"
        )
    low, high = evidence.common_spread_ci95
    if low > 0:
        words.append(
            f"all rings rise and fall together by {evidence.common_spread:.1%} ({low:.1%} to {high:.1%}): thickness or "
            "beam current, seen by omega and re, not by r"
        )
    seen = [evidence.offset[where] for where in ("dead_frames", "beam_stop")]
    level = max((value for value in seen if math.isfinite(value)), default=0.0)
    share = level / float(result.mean_intensity[-1])
    if share > 0.1:
        words.append(
            f"{level:.3g} counts a pixel are there without scattering, {share:.0%} of the mean at "
            f"{result.k[-1]:.2f} 1/nm: --offset takes a level off"
        )
    return words
