"""SVG and pixels from one drawing: matplotlib's walk over a figure takes longer than writing either."""

from __future__ import annotations

import functools
import io
import struct
import zlib
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib.backend_bases import FigureCanvasBase, GraphicsContextBase, RendererBase
from matplotlib.backends.backend_agg import RendererAgg
from matplotlib.backends.backend_svg import RendererSVG
from matplotlib.path import Path
from matplotlib.textpath import text_to_path
from matplotlib.transforms import Affine2D, TransformedBbox

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.font_manager import FontProperties
    from numpy.typing import NDArray

__all__ = ["PIXELS_PER_INCH", "Drawing", "text_size"]

PIXELS_PER_INCH = 300
POINTS_PER_INCH = 72


class Drawing(FigureCanvasBase):
    """A figure drawn as SVG, and in the same strokes as pixels.

    Parameters
    ----------
    figure
        Becomes its canvas; its resolution is set to that of SVG.
    """

    def __init__(self, figure: Figure) -> None:
        super().__init__(figure)
        figure.dpi = POINTS_PER_INCH
        self._size: tuple[float, float] | None = None
        self._renderer: _Both | None = None

    def get_renderer(self) -> _Both:
        """Give what draws, the same to the layout as to the drawing: it remembers how long each text is."""
        size = tuple(self.figure.get_size_inches())
        if self._renderer is None or self._size != size:
            self._size, self._renderer = size, _Both(*size)
        return self._renderer

    def draw_once(self) -> None:
        """Draw everything."""
        self.figure.draw(self.get_renderer())
        self.get_renderer().svg.finalize()

    def svg(self) -> str:
        """Text of the file."""
        return self.get_renderer().text.getvalue()

    def png(self) -> bytes:
        """Content of the file, without opacity.

        Written here by the standard (W3C, Portable Network Graphics, chapters 5, 9 and 11): rows go as they are, which
        for flat colours takes half the time of looking for the best filter of each, and no more room.
        """
        pixels = self.pixels()
        height, width, _ = pixels.shape
        rows = np.zeros((height, 1 + 3 * width), dtype=np.uint8)
        rows[:, 1:].reshape(height, width, 3)[...] = pixels[..., :3]
        per_metre = round(PIXELS_PER_INCH / 0.0254)
        chunks = {
            b"IHDR": struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0),
            b"pHYs": struct.pack(">IIB", per_metre, per_metre, 1),
            b"IDAT": zlib.compress(rows, level=3),
            b"IEND": b"",
        }
        return b"\x89PNG\r\n\x1a\n" + b"".join(
            struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
            for kind, data in chunks.items()
        )

    def pixels(self) -> NDArray[np.uint8]:
        """Red, green, blue and opacity, shape (height, width, 4)."""
        return np.asarray(self.get_renderer().agg.buffer_rgba())


@functools.lru_cache(maxsize=4096)
def text_size(words: str, font: FontProperties, formula: Any) -> tuple[float, float, float]:
    """Width, height and descent of a line in points, as the SVG has it; many lines are alike."""
    width, height, descent = text_to_path.get_text_width_height_descent(words, font, ismath=formula)
    return width, height, descent


@functools.lru_cache(maxsize=1024)
def _outlines(words: str, font: FontProperties, formula: bool) -> Path:
    """Letters from the left end of their line; of tick labels many are alike."""
    vertices, codes = text_to_path.get_text_path(font, words, ismath=formula)
    return Path(vertices, codes)


class _Both(RendererBase):
    """Passes every stroke on, in points to the SVG and larger to the pixels; line widths are points in both."""

    def __init__(self, width: float, height: float) -> None:
        super().__init__()
        self.text = io.StringIO()
        # Dates and versions would make equal figures differ.
        self.svg = RendererSVG(
            width * POINTS_PER_INCH,
            height * POINTS_PER_INCH,
            self.text,
            metadata={"Date": None, "Creator": None},
        )
        self.agg = RendererAgg(
            round(width * PIXELS_PER_INCH), round(height * PIXELS_PER_INCH), PIXELS_PER_INCH
        )
        self._larger = Affine2D().scale(PIXELS_PER_INCH / POINTS_PER_INCH)

    def _for_agg(self, gc: GraphicsContextBase) -> GraphicsContextBase:
        own = self.agg.new_gc()
        own.copy_properties(gc)
        box = gc.get_clip_rectangle()
        if box is not None:
            own.set_clip_rectangle(TransformedBbox(box, self._larger))
        path, _ = gc.get_clip_path()
        if path is not None:
            raise NotImplementedError("clip paths other than rectangles")
        return own

    def draw_path(self, gc: Any, path: Any, transform: Any, rgbFace: Any = None) -> None:
        self.svg.draw_path(gc, path, transform, rgbFace)
        self.agg.draw_path(self._for_agg(gc), path, transform + self._larger, rgbFace)

    def draw_markers(
        self,
        gc: Any,
        marker_path: Any,
        marker_trans: Any,
        path: Any,
        trans: Any,
        rgbFace: Any = None,
    ) -> None:
        self.svg.draw_markers(gc, marker_path, marker_trans, path, trans, rgbFace)
        larger = self._larger
        self.agg.draw_markers(
            self._for_agg(gc), marker_path, marker_trans + larger, path, trans + larger, rgbFace
        )

    def draw_path_collection(
        self,
        gc: Any,
        master_transform: Any,
        paths: Any,
        all_transforms: Any,
        offsets: Any,
        offset_trans: Any,
        *rest: Any,
        **more: Any,
    ) -> None:
        self.svg.draw_path_collection(
            gc, master_transform, paths, all_transforms, offsets, offset_trans, *rest, **more
        )
        larger = self._larger
        self.agg.draw_path_collection(
            self._for_agg(gc),
            (master_transform + larger).frozen(),
            paths,
            all_transforms,
            offsets,
            (offset_trans + larger).frozen(),
            *rest,
            **more,
        )

    def draw_text(
        self,
        gc: Any,
        x: float,
        y: float,
        s: str,
        prop: Any,
        angle: float,
        ismath: Any = False,
        mtext: Any = None,
    ) -> None:
        self.svg.draw_text(gc, x, y, s, prop, angle, ismath, mtext)
        # As outlines, as in the SVG: letters one by one as pixels take three times as long.
        own = self._for_agg(gc)
        own.set_linewidth(0.0)
        own.set_snap(False)
        place = Affine2D().scale(prop.get_size_in_points() / text_to_path.FONT_SCALE).rotate_deg(angle)
        place.translate(x, self.svg.height - y)
        self.agg.draw_path(own, _outlines(s, prop, ismath), place + self._larger, gc.get_rgb())

    def draw_image(self, gc: Any, x: float, y: float, im: Any, transform: Any = None) -> None:
        raise NotImplementedError("images in figures")

    def open_group(self, s: str, gid: str | None = None) -> None:
        self.svg.open_group(s, gid)

    def close_group(self, s: str) -> None:
        self.svg.close_group(s)

    def flipy(self) -> bool:
        return True

    def get_canvas_width_height(self) -> tuple[float, float]:
        return self.svg.get_canvas_width_height()

    def get_text_width_height_descent(self, s: str, prop: Any, ismath: Any) -> tuple[float, float, float]:
        return text_size(s, prop, ismath)
