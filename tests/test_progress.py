"""What users see of long work: a bar on terminals and in notebooks, nothing where nobody looks."""

from __future__ import annotations

import io
import sys
import types

import pytest

import alzmodel as am
from alzmodel import progress as module
from alzmodel.progress import silent, watched


class Kernel:
    """The parts of IPython that a bar needs; `shown` is the output of the cell, one text for each display."""

    def __init__(self):
        self.shown = []
        self.display = types.SimpleNamespace(HTML=str, display=self._display)

    def get_ipython(self):
        return types.SimpleNamespace(kernel=object())

    def _display(self, text, display_id):
        assert display_id
        self.shown.append(text)
        place = len(self.shown) - 1
        return types.SimpleNamespace(update=lambda words: self.shown.__setitem__(place, words))


@pytest.fixture
def kernel(monkeypatch):
    found = Kernel()
    monkeypatch.setitem(sys.modules, "IPython", found)
    monkeypatch.setattr(module, "SECONDS_BEFORE_BAR", 0.0)
    monkeypatch.setattr(module, "_SECONDS_BETWEEN_DRAWINGS", 0.0)
    return found


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_nobody_looks_at_a_pipe_unless_asked(capsys, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BETWEEN_LINES", 0.0)
    with watched(None, "glass") as tell:
        assert tell is silent
    with watched(True, "glass") as tell:
        tell(0.5, "melt")
    assert capsys.readouterr().err.startswith("glass: melt, 50% done, about 0 s left")


def test_a_terminal_gets_a_bar_unless_the_work_is_short(monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    with watched(None, "glass") as tell:
        tell(0.5, "melt")
    assert sys.stderr.getvalue() == ""
    monkeypatch.setattr(module, "SECONDS_BEFORE_BAR", 0.0)
    with watched(None, "glass") as tell:
        tell(0.5, "melt")
    assert "glass: melt" in sys.stderr.getvalue()
    assert "50%" in sys.stderr.getvalue()
    with watched(False, "glass") as tell:
        assert tell is silent


def boil():
    with watched(None, "glass") as tell:
        tell(0.1, "melt")
        raise ValueError("boiled")


def test_a_notebook_gets_one_bar_that_ends_as_a_line(kernel):
    with watched(None, "a<b") as tell:
        tell(0.25, "melt")
        tell(0.5, "quench & hold")
        assert len(kernel.shown) == 1
        assert kernel.shown[0].startswith("<progress value='0.500'")
        assert "a&lt;b: quench &amp; hold, 50%, about 0 s left" in kernel.shown[0]
    assert kernel.shown == ["a&lt;b: done after 0 s"]
    with pytest.raises(ValueError, match="boiled"):
        boil()
    assert kernel.shown[-1] == "glass: stopped after 0 s"


def test_work_of_less_than_a_second_shows_nothing_in_a_notebook(kernel, monkeypatch):
    monkeypatch.setattr(module, "SECONDS_BEFORE_BAR", 100.0)
    with watched(None, "glass") as tell:
        tell(0.5, "melt")
    assert kernel.shown == []


def test_functions_of_the_package_draw_it(kernel):
    am.lbu(am.crystal("MgO", supercell=2))
    assert kernel.shown[-1].startswith("lbu: done after")
    count = len(kernel.shown)
    am.lbu(am.crystal("MgO", supercell=2), progress=False)
    assert len(kernel.shown) == count
    told = []
    am.lbu(am.crystal("MgO", supercell=2), progress=lambda *said: told.append(said))
    assert told
    assert len(kernel.shown) == count
