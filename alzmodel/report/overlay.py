"""Measured data over the curves of models, in the page: the reader's file is read by the browser and goes nowhere."""

from __future__ import annotations

from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from alzmodel.io import json_text
from alzmodel.scattering.form_factors import wavelength_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

__all__ = ["LaidCurve", "overlay_script", "overlay_section"]

_FOLDER: Final = Path(__file__).parent
_DIGITS: Final = 5
_ANODES: Final = ("Ag", "Co", "Cr", "Cu", "Fe", "Mo")
_KINDS: Final = {
    "fem": "V(k), fluctuation microscopy",
    "xrd": "XRD or GIXRD",
    "pdf": "G(r), pair distribution",
}


@dataclass(frozen=True, slots=True)
class LaidCurve:
    """A computed curve that measured data can be laid over.

    Attributes
    ----------
    kind : str
        "fem" (k = 1/d in nm⁻¹, normalised variance), "xrd" (2θ in degrees, intensity) or "pdf" (r in Å, G(r) in Å⁻²).
    label : str
        Which model.
    group : str
        Curves of one kind that are drawn together, such as V(k) of the ideal microscope.
    x, y, spread
        Shape (n,); the spread over models may be None.
    """

    kind: str
    label: str
    group: str
    x: NDArray[np.float64] = field(hash=False)
    y: NDArray[np.float64] = field(hash=False)
    spread: NDArray[np.float64] | None = field(default=None, hash=False)


def overlay_section(curves: Sequence[LaidCurve], wavelength: float) -> str:
    """Make the part of the page that takes a file of measured data.

    Parameters
    ----------
    curves
        What it is laid over.
    wavelength
        Å, of the powder patterns among the curves.
    """
    if not curves:
        return ""
    kinds = [kind for kind in _KINDS if any(curve.kind == kind for curve in curves)]
    options = "".join(f'<option value="{kind}">{escape(_KINDS[kind])}</option>' for kind in kinds)
    lines = {anode: wavelength_of(f"{anode}Ka1") for anode in _ANODES}
    data = json_text(
        {"wavelength": wavelength, "lines": lines, "curves": [_plain(curve) for curve in curves]}
    )
    return f"""<div id="overlay">
<p>Drop a file with a measured V(k), XRD or G(r) curve here, or choose one: it is drawn over the curves of the models.
The file stays on this computer.</p>
<form class="controls" aria-label="Measured data and how they are drawn">
<label class="file">Measured file <input type="file" id="data-file"></label>
<label>Kind <select id="data-kind">{options}</select></label>
<label>x of the file <select id="data-unit"></select></label>
<label id="data-line">λ of the file (Å) <input type="number" id="data-wavelength" value="{wavelength:g}" min="0.05"
 max="5" step="any"></label>
<label>Columns <input type="text" id="data-columns" placeholder="x y, such as 1 2" size="10" autocomplete="off"></label>
<label>Models <select id="data-model"></select></label>
<label><input type="checkbox" id="data-all" checked> show the others too</label>
<label>Scale <input type="number" id="data-scale" value="1" step="any"></label>
<label>Offset <input type="number" id="data-offset" value="0" step="any"></label>
<label>Background <select id="data-background"><option value="-1">none</option><option value="0">constant</option>
<option value="1" selected>straight line</option><option value="2">parabola</option></select></label>
<span class="buttons"><button type="button" id="data-fit">Fit scale and background</button>
<button type="button" id="data-save-svg">Save SVG</button>
<button type="button" id="data-save-png">Save PNG</button>
<button type="button" id="data-save-csv">Save CSV</button></span>
</form>
<p id="data-said" role="status"></p>
<figure id="data-figure"><div id="data-plot" role="img" aria-label="Curves of the models"></div>
<figcaption id="data-caption" class="small"></figcaption></figure>
</div>
<script type="application/json" id="overlay-data">{data.replace("<", chr(92) + "u003c")}</script>
"""


def overlay_script() -> str:
    """Give the script that reads the file and draws."""
    return f"<script>\n{(_FOLDER / 'overlay.js').read_text(encoding='utf-8')}</script>"


def _plain(curve: LaidCurve) -> dict[str, Any]:
    spread = {} if curve.spread is None else {"spread": _rounded(curve.spread)}
    name = {"kind": curve.kind, "label": curve.label, "group": curve.group}
    return {**name, "x": _rounded(curve.x), "y": _rounded(curve.y), **spread}


def _rounded(values: NDArray[np.float64]) -> list[float | None]:
    return [float(f"{value:.{_DIGITS}g}") if np.isfinite(value) else None for value in values]
