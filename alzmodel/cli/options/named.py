"""Messages about a value that an option gave begin with the option, not with what a function calls the value."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from alzmodel.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Container

__all__ = ["option_named"]

OPTIONS: Final = {
    "FEM defocus": "--defocus",
    "FEM energy_kev": "--energy",
    "FEM probe": "--probe-fwhm",
    "FEM ring_width": "--ring-width",
    "FEM semi_angle_mrad": "--semi-angle",
    "FEM source_fwhm": "--source-fwhm",
    "angle of incidence": "--incidence",
    "camera binning": "--binning",
    "camera electrons": "--electrons",
    "camera gain": "--gain",
    "camera psf_fwhm": "--psf",
    "camera readout": "--readout",
    "columns": "--columns",
    "b_iso": "--b-iso",
    "cut-off": "--cutoff",
    "fmax": "--fmax",
    "former": "--former",
    "largest ring": "--largest-ring",
    "phase": "--phase",
    "q_broad": "--q-broad",
    "q_damp": "--q-damp",
    "fwhm": "--fwhm",
    "polarization": "--polarization",
    "resolution": "--resolution",
    "scan, columns": "--columns",
    "scan, diameter": "--diameters",
    "scan, disorder": "--disorders",
    "scan, displacement": "--displacements",
    "scan, error to reach": "--until",
    "scan, excess_la": "--excess-la",
    "scan, fraction": "--fractions",
    "scan, lattice_parameter": "--lattices",
    "scan, thickness": "--thicknesses",
    "seed": "--seed",
    "tilt": "--tilt",
    "two_theta": "--range",
    "ring centre": "--ring-centres",
    "wavelength": "--wavelength",
}
"""What functions call a value in their messages, and the option that gave it."""


def option_named(error: InputError, known: Container[str]) -> InputError:
    """Begin a message about a value that an option gave with the option.

    Parameters
    ----------
    error
        Of a function that knows of no option; the name of a file may stand before its words.
    known
        Options of the command, as they are typed.

    Returns
    -------
    InputError
        The same where no option of the command has that name.
    """
    words = str(error)
    first, _, after = words.partition(": ")
    for before, rest in (("the model", words), (first, after)):
        subject, _, said = rest.partition(": ")
        option = OPTIONS.get(subject)
        if option in known:
            return InputError(f"{option}: {said.replace('the model', before)}")
    return error
