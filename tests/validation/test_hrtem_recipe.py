"""The recipe for HR-TEM images in docs/exafs.md does what the page says."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "exafs.md"


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_an_aligned_nucleus_shows_spots_and_most_turned_ones_do_not():
    pytest.importorskip("abtem")
    (code,) = re.findall(
        r"<!-- slow: python -->\n```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL
    )
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as out:
        exec(code, names)
    assert out.getvalue().startswith("glass 7.")
    assert names["alone"] < 9
    assert names["aligned"] > 2.5 * names["alone"]
    assert sum(spot > 10 for spot in names["turned"]) == 3
