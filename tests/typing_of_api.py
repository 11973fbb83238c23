"""Types of the public names, for mypy: it fails if one of them is not what is said here. Never run."""

from __future__ import annotations

from typing import assert_type

from ase import Atoms

import alzmodel as am
from alzmodel.api import Study
from alzmodel.dynamics.transport import Transport
from alzmodel.dynamics.vibrations import Vibrations
from alzmodel.local_order.building_units import BuildingUnits
from alzmodel.local_order.pdf import PartialRDF
from alzmodel.models.library import LibraryModel
from alzmodel.models.melt_quench import Glass
from alzmodel.notebook import View
from alzmodel.scattering.exafs.sites import Exafs
from alzmodel.scattering.fem.variance import FEMResult
from alzmodel.scattering.xrd.pattern import PowderPattern


def check(composition: am.Composition, error: am.InputError, failure: am.AlzmodelError) -> None:
    """Name the type of what each function returns."""
    assert_type(am.glass(3.0), Glass)
    assert_type(am.glass(composition), Glass)
    assert_type(am.glass_ceramic("Li7La3Zr2O12"), Glass)
    assert_type(am.crystal("MgO"), Atoms)
    assert_type(am.nanocrystal("MgO", 20.0), Atoms)
    assert_type(am.library(), tuple[LibraryModel, ...])
    assert_type(am.library("x"), LibraryModel)
    assert_type(am.frames("a.cif"), list[Atoms])
    assert_type(am.pdf("a.cif"), PartialRDF)
    assert_type(am.lbu("a.cif"), BuildingUnits)
    assert_type(am.xrd("a.cif"), PowderPattern)
    assert_type(am.exafs("a.cif"), Exafs)
    assert_type(am.fem("a.cif"), FEMResult)
    assert_type(am.transport("a.extxyz", 0.1, temperature=900.0), Transport)
    assert_type(am.vibrations("a.cif"), Vibrations)
    assert_type(am.open_study("folder"), Study)
    assert_type(am.view("a.cif"), View)
    assert_type(am.write("a.cif", "b.extxyz"), None)
    assert_type(am.__version__, str)
    am.calculator("du-teter").get_potential_energy()
    raise failure from error
