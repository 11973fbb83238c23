"""Reference patterns of every phase for several X-ray lines and crystallite sizes, a folder for each pair.

    python scripts/make_reference_patterns.py -o reference --lines CuKa1 MoKa1 0.4133 --sizes 40 80 infinite

The folders are named after line and size (``CuKa1-80A``). What does not depend on the line (models, G(r), S(Q), FEM) is
written once for each size, into ``80A`` or ``infinite``. `alzmodel reference` does the same for one line and size.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from alzmodel.crystals import FILM_PHASES
from alzmodel.errors import InputError, run_main
from alzmodel.scattering.form_factors import wavelength_of
from alzmodel.scattering.reference_patterns import (
    KINDS,
    SIZE_SUMMED,
    ReferenceSettings,
    check_reference_folder,
    write_reference,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

INFINITE = "infinite"


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("phases", nargs="*", default=list(FILM_PHASES), metavar="PHASE")
    parser.add_argument("-o", "--output", type=Path, required=True)
    parser.add_argument("--lines", nargs="+", default=["CuKa1", "MoKa1"], help="names, or Å")
    parser.add_argument("--sizes", nargs="+", default=["80", INFINITE], help="diameters in Å, or 'infinite'")
    parser.add_argument("--columns", type=int, default=4, help="FEM columns")
    parser.add_argument("--only", nargs="+", default=list(KINDS), choices=KINDS)
    return parser.parse_args(arguments)


def size_of(text: str) -> float | None:
    """Read a size."""
    try:
        return None if text == INFINITE else float(text)
    except ValueError:
        raise InputError(f"--sizes {text}: allowed: diameters in Å, or '{INFINITE}'") from None


def main(arguments: Sequence[str] | None = None) -> int:
    """Write all folders."""
    options = parse_arguments(arguments)
    sizes = {text: size_of(text) for text in options.sizes}
    for line in options.lines:
        wavelength_of(line)
    settings = {text: ReferenceSettings(size=size, columns=options.columns) for text, size in sizes.items()}
    for base in settings.values():
        base.check([kind for kind in options.only if kind != "sq"])
    for size in sizes.values():
        words = INFINITE if size is None else f"{size:g}A"
        for name in (words, *(f"{line}-{words}" for line in options.lines)):
            check_reference_folder(options.output / name)
    for text, size in sizes.items():
        words = INFINITE if size is None else f"{size:g}A"
        base = settings[text]
        kinds = [kind for kind in KINDS if kind in options.only and kind != "xrd"]
        if size is not None and size > SIZE_SUMMED and "sq" in kinds:
            kinds.remove("sq")
            print(f"{text} Å: no S(Q), which takes every pair of a crystallite", file=sys.stderr)
        if kinds:
            write_reference(options.phases, options.output / words, base, kinds=kinds)
        for line in options.lines if "xrd" in options.only else ():
            folder = options.output / f"{line}-{words}"
            write_reference(options.phases, folder, replace(base, wavelength=line), kinds=["xrd"])
        print(f"{words}: done", file=sys.stderr)
    return 0


if __name__ == "__main__":
    run_main(main)
