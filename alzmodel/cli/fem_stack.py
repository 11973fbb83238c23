"""``alzmodel fem STACK``: the variance of measured patterns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from alzmodel.cli.output import say
from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from alzmodel.cli.options.fem import (
        AverageOptions,
        CameraOptions,
        ClusterOptions,
        InstrumentOptions,
        PeakOptions,
        StackOptions,
    )

__all__ = ["fem_of_stack"]


def fem_of_stack(
    files: Sequence[Path],
    stack: StackOptions,
    instrument: InstrumentOptions,
    peaks: PeakOptions,
    clusters: ClusterOptions,
    averages: AverageOptions,
    camera: CameraOptions,
) -> dict[str, Any]:
    """FEM of a measured stack, for JSON; options of models are refused."""
    from alzmodel.cli.fem_fits import with_fitted_peaks
    from alzmodel.scattering.fem.detector import Camera
    from alzmodel.scattering.fem.fit import fit_stack_peaks
    from alzmodel.scattering.fem.stack import Geometry, is_stack, measure_stack, read_stack

    of_models = (
        camera.write_stack,
        clusters.plot,
        clusters.only,
        clusters.cluster_diameter,
        clusters.readings or None,
        averages.cap or None,
        averages.tilt or None,
        averages.until,
    )
    if len(files) > 1 or any(option is not None for option in of_models):
        path = next(path for path in files if is_stack(path))
        raise InputError(
            f"{path}: a stack of patterns among {len(files)} files; allowed: one stack alone, without the options of "
            "models"
        )
    (path,) = files
    result = measure_stack(
        read_stack(path, pixel_size=stack.pixel_size, dataset=stack.dataset),
        ring_width=instrument.ring_width,
        geometry=None if stack.center is None else Geometry(stack.center),
        ellipse=stack.ellipse,
        camera=Camera(
            electrons=float(camera.gain > 0),
            gain=camera.gain or 1.0,
            readout=camera.readout,
            psf_fwhm=camera.psf,
        ),
    )
    payload = with_fitted_peaks(
        result, lambda: fit_stack_peaks(result, peaks.fit.value, shape=peaks.shape.value)
    ).to_dict()
    found = result.geometry
    say(
        f"alzmodel: {path}: {result.n_patterns} patterns, centre ({found.center[0]:.2f}, {found.center[1]:.2f}), "
        f"rings {found.ratio:.4f} as long as wide, long axis at {found.angle:.0f}°"
    )
    return payload
