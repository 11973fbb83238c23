"""A model that can be turned in a notebook: the viewer of the page in a frame that loads nothing from a network."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Final

from alzmodel.errors import AlzmodelError, InputError

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["View", "view_of"]

_HEIGHTS: Final = (150, 4000)
_UNPACK: Final = """<!DOCTYPE html><html lang="en"><meta charset="utf-8"><title>3D view</title><script>
const packed = Uint8Array.from(atob("{packed}"), (one) => one.charCodeAt(0));
new Response(new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"))).text().then((page) => {{
  document.open(); document.write(page); document.close(); }});
</script></html>"""
"""The page as it stands in a notebook: packed, it is a quarter as large."""


@dataclass(frozen=True, slots=True)
class View:
    """A model in three dimensions; a notebook shows it when it is the last value of a cell.

    Attributes
    ----------
    name
        Of the model.
    page
        HTML that stands alone.
    height
        Pixels of the frame in a notebook.
    """

    name: str
    page: str = field(repr=False)
    height: int = 640

    def save(self, path: str | Path) -> Path:
        """Write the page as a file for a browser, whole or not at all.

        Raises
        ------
        InputError
            If it cannot be written.
        """
        from alzmodel.io import check_writable, write_text

        target = Path(path)
        check_writable(target)
        write_text(target, self.page)
        return target

    def _repr_html_(self) -> str:
        """Write a frame that holds the whole page."""
        packed = base64.b64encode(gzip.compress(self.page.encode(), 9, mtime=0)).decode()
        page = escape(_UNPACK.format(packed=packed))
        style = f"width: 100%; height: {self.height}px; border: 0"
        return f'<iframe title="3D view of {escape(self.name)}" style="{style}" srcdoc="{page}"></iframe>'


def view_of(atoms: Atoms, *, most: int, height: int) -> View:
    """Make the page of one model; see :func:`alzmodel.api.view`.

    Raises
    ------
    InputError
        If a number is out of range.
    """
    from alzmodel.report.viewer import model_view, viewer_scripts, viewer_section

    if most < 1:
        raise InputError(f"most: {most}; allowed: at least one atom")
    if not _HEIGHTS[0] <= height <= _HEIGHTS[1]:
        raise InputError(f"height: {height}; allowed: {_HEIGHTS[0]} to {_HEIGHTS[1]} pixels")
    name = atoms.get_chemical_formula(empirical=True)
    model = model_view(atoms, name, cutoffs=_cutoffs(atoms), most=most, note=f"{name}, {len(atoms)} atoms.")
    css = (Path(__file__).parent / "report" / "page.css").read_text(encoding="utf-8")
    page = (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{escape(name)}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{css}</style></head>\n'
        f"<body>\n{viewer_section([model])}\n{viewer_scripts()}\n</body></html>\n"
    )
    return View(name, page, height)


def _cutoffs(atoms: Atoms) -> dict[str, float]:
    """Give the end of the first shell of oxygens around each cation, Å; nothing for what is no oxide."""
    from alzmodel.ions import pair_label
    from alzmodel.local_order.bonds import ANION
    from alzmodel.local_order.shells import first_shells

    try:
        found = first_shells(atoms).cutoffs
    except AlzmodelError:
        return {}
    cations = set(atoms.get_chemical_symbols()) - {ANION}
    pairs = {element: pair_label(element, ANION) for element in cations}
    return {element: found[pair] for element, pair in pairs.items() if pair in found}
