"""A model that can be turned in a notebook."""

from __future__ import annotations

import base64
import gzip
import html
import re

import pytest

import alzmodel as am


def test_a_view_holds_the_whole_page_and_loads_nothing(tmp_path):
    view = am.view(am.crystal("MgO"))
    shown = view._repr_html_()
    frame = re.fullmatch(r'<iframe title="3D view of MgO" style="[^"]*" srcdoc="([^"]*)"></iframe>', shown)
    packed = re.search(r'atob\("([^"]+)"\)', html.unescape(frame[1]))[1]
    page = gzip.decompress(base64.b64decode(packed)).decode()
    assert page == view.page == view.save(tmp_path / "model.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)=.?https?:", page)
    assert 'id="view-data"' in page
    assert len(shown) < len(page) / 2
    assert len(repr(view)) < 100


def test_only_the_middle_of_a_large_model_is_shown():
    large = am.view(am.crystal("MgO", supercell=4), most=100)
    assert "in a slab of" in large.page


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"most": 0}, "most: 0; allowed: at least one atom"),
        ({"height": 5}, "height: 5; allowed: 150 to 4000 pixels"),
    ],
)
def test_what_cannot_be_shown_is_refused(options, words):
    with pytest.raises(am.InputError, match=words):
        am.view(am.crystal("MgO"), **options)


def test_what_is_no_oxide_has_atoms_to_show():
    from ase.build import bulk

    assert "ClNa" in am.view(bulk("NaCl", "rocksalt", 5.64, cubic=True)).page
    assert am.view(bulk("Cu", cubic=True)).name == "Cu"
