"""The FEM specimen and its control: the columns that a beam passes through, made from any periodic model.

Commands, studies, scans and reference patterns take their columns from here, so that the same words mean the same
specimen everywhere.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from alzmodel.crystals import crystal, is_crystal
from alzmodel.errors import InputError
from alzmodel.models.columns import (
    GRAIN,
    MIN_WIDTH,
    THICKNESS,
    WIDTH,
    embed_clusters,
    gas_column,
    gas_source,
    glass_column,
    slab_columns,
)
from alzmodel.models.patches import PATCH, heights_of
from alzmodel.models.requests import check_seed
from alzmodel.models.window import on_window

if TYPE_CHECKING:
    from ase import Atoms

__all__ = ["Clusters", "Seed", "Specimen"]

Seed = int | np.random.SeedSequence
"""Of all columns. Column n of a whole number draws from that number plus n, so that seeds 1 to 4 are the columns of
seed 1; of a seed sequence it draws from words of its own."""

_CELLS = 3
"""Cells along an axis, at least, of the disordered crystals that spheres are cut from."""

_MARGIN = 1.05
"""Width of columns that are made over the narrowest that holds the probe."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """La2Zr2O7 spheres in a column; all that is said of them is assumed.

    Parameters
    ----------
    diameter
        Å.
    volume_fraction
        Of the column.
    lattice_parameter
        Å; None is the measured one.
    displacement
        Root mean square displacement of their atoms along each axis, Å.
    disorder
        Of cations and oxygen, from 0, pyrochlore, to 1, defect fluorite
        (:func:`alzmodel.pyrochlore.pyrochlore_defect_fluorite`).
    excess_la
        y of La(2+y)Zr(2-y)O(7-y/2) (:func:`alzmodel.pyrochlore.off_stoichiometric_pyrochlore`).

    Raises
    ------
    InputError
        If both disorder and excess La are asked for.
    """

    diameter: float
    volume_fraction: float
    lattice_parameter: float | None = None
    displacement: float = 0.08
    disorder: float = 0.0
    excess_la: float = 0.0

    def __post_init__(self) -> None:
        if self.disorder and self.excess_la:
            raise InputError(
                f"clusters: disorder {self.disorder:g} and excess La {self.excess_la:g}; allowed: one of them"
            )

    def unit(self, seed: int) -> Atoms | None:
        """Crystal to cut the spheres from, at least as large as they are; None if it has no disorder."""
        from alzmodel.pyrochlore import off_stoichiometric_pyrochlore, pyrochlore_defect_fluorite

        a = self.lattice_parameter or float(crystal("La2Zr2O7").cell.lengths()[0])
        repeats = max(_CELLS, math.ceil(self.diameter / a))
        if self.excess_la:
            return off_stoichiometric_pyrochlore(repeats, self.excess_la, seed, lattice_parameter=a)
        if self.disorder:
            return pyrochlore_defect_fluorite(repeats, self.disorder, seed, lattice_parameter=a)
        return None

    def inside(self, column: Atoms, seed: int) -> Atoms:
        """Put them into a column: see :func:`alzmodel.models.columns.embed_clusters`."""
        return embed_clusters(
            column,
            diameter=self.diameter,
            volume_fraction=self.volume_fraction,
            seed=seed,
            lattice_parameter=self.lattice_parameter,
            displacement=self.displacement,
            unit=self.unit(seed),
        )


@dataclass(frozen=True, slots=True)
class Specimen:
    """What the beam passes through.

    Parameters
    ----------
    thickness
        Of the columns along the beam, Å.
    min_width
        Narrowest column that holds the probe, Å
        (:attr:`alzmodel.scattering.fem.settings.FEMSettings.min_width`). Models at least so wide are cut into slabs,
        all others put together from pieces.
    width
        Of columns that are put together, Å; None leaves the probe some room.
    clusters
        Crystals put into every column.
    cap
        Thickness of the amorphous Si3N4 behind the specimen, Å; 0 for none.
    grain
        Size of the grains that columns of a crystal consist of, Å.
    displacement
        Root mean square displacement of the atoms of such grains along each axis, Å.

    Examples
    --------
    >>> from alzmodel.crystals import crystal
    >>> from alzmodel.models.specimen import Specimen
    >>> (column,) = Specimen(thickness=20.0).columns(crystal("MgO"), 1, seed=1)
    >>> column.cell.lengths().tolist(), column.pbc.tolist()
    ([130.0, 130.0, 20.0], [True, True, False])
    """

    thickness: float = THICKNESS
    min_width: float = MIN_WIDTH
    width: float | None = None
    clusters: Clusters | None = None
    cap: float = 0.0
    grain: float = GRAIN
    displacement: float = 0.0

    @property
    def narrowest(self) -> float:
        """Width from which a model is cut, Å: what the probe needs, and never less than :data:`MIN_WIDTH`."""
        return max(MIN_WIDTH, self.min_width)

    @property
    def built_width(self) -> float:
        """Width of the columns that are put together, Å."""
        return max(WIDTH, _MARGIN * self.narrowest) if self.width is None else self.width

    def columns(self, frames: Sequence[Atoms] | Atoms, n: int, seed: Seed) -> Iterator[Atoms]:
        """Columns of the specimen, each made when it is asked for.

        Parameters
        ----------
        frames
            One model, or several of the same material: each piece of a column is cut from one of them, drawn at
            random. Wide models are cut into slabs.
        n
            Columns to put together from small models; wide models give as many slabs as they have.
        seed
            See :data:`Seed`.

        Returns
        -------
        iterator of ase.Atoms
            Beam along z, periodic along x and y: see :func:`alzmodel.models.columns.glass_column` and
            :func:`alzmodel.models.columns.slab_columns`, :func:`alzmodel.models.columns.embed_clusters` and
            :func:`alzmodel.models.window.on_window`.

        Raises
        ------
        InputError
            If a model is not periodic in the plane, or a number is out of range.
        """
        _check(n, seed)
        models = _listed(frames)
        cut = self._slabs(models)
        if cut:
            return self.dressed(cut, seed)
        sources = self._sources(models, seed)
        bare = (self._patched(sources, _seeds(seed, number)[0]) for number in range(n))
        return self.dressed(bare, seed)

    def control(self, frames: Sequence[Atoms] | Atoms, n: int, seed: Seed) -> Iterator[Atoms]:
        """Columns without any order, built as those of :meth:`columns` are, on the same cap.

        The ions of the model lie at random in its cell, and columns are put together from pieces of that: what they
        show is what the way of building alone shows. Of frames with the same ions the last gives density and ions, as
        its cell differs from the others by thermal fluctuations alone. A slab of a wide model is no patchwork, and its
        ions are put at random places in it.
        There are no clusters in a control.

        Parameters and errors are those of :meth:`columns`.
        """
        _check(n, seed)
        models = _listed(frames)
        cut = self._slabs(models)
        bare: Iterable[Atoms]
        if cut:
            bare = (gas_column(slab, _seeds(seed, number)[2]) for number, slab in enumerate(cut))
        else:
            sources = self._sources(models, seed)
            ions = [np.sort(model.numbers) for model in sources]
            alike = all(np.array_equal(ions[0], other) for other in ions)
            chosen = sources[-1:] if alike else sources
            bare = (self._gas(chosen, _seeds(seed, number)[2]) for number in range(n))
        return self._capped(bare, seed)

    def dressed(self, columns: Iterable[Atoms], seed: Seed) -> Iterator[Atoms]:
        """Put clusters into columns that hold none, and lay them on their cap."""
        if self.clusters is not None:
            clusters = self.clusters
            columns = (
                clusters.inside(column, _seeds(seed, number)[1]) for number, column in enumerate(columns)
            )
        return self._capped(columns, seed)

    def note(self, frames: Sequence[Atoms] | Atoms) -> str:
        """Say in a few words how the columns come about."""
        models = _listed(frames)
        cut = self._slabs(models)
        if cut:
            words = f"{len(cut)} column{'s' if len(cut) > 1 else ''} cut from the model"
            if len(models) > 1:
                words += (
                    f", of {len(models)} frames: they share their atoms, so that intervals are too narrow"
                )
        elif _are_crystals(models):
            words = (
                f"a perfect crystal has no variance: columns of grains of about {self.grain / 10:g} nm in random "
                "orientations were made from it"
            )
        else:
            words = (
                f"the model is narrower than {self.narrowest / 10:.0f} nm: columns {self.built_width / 10:.3g} nm "
                "wide were put together from its pieces"
            )
        if self.clusters is not None:
            words += (
                f"; La2Zr2O7 spheres of {self.clusters.diameter:g} Å put in (assumed), "
                f"{self.clusters.volume_fraction:g} of the volume"
            )
        return words + (f"; {self.cap:g} Å of amorphous Si3N4 behind it" if self.cap else "")

    def _capped(self, columns: Iterable[Atoms], seed: Seed) -> Iterator[Atoms]:
        for number, column in enumerate(columns):
            yield on_window(column, thickness=self.cap, seed=_seeds(seed, number)[1]) if self.cap else column

    def _slabs(self, models: Sequence[Atoms]) -> list[Atoms]:
        """Columns of the models that are wide enough to be cut."""
        found: list[Atoms] = []
        for model in models:
            angles: Any = model.cell.angles() if model.cell.rank == 3 else (0.0,)
            if np.allclose(angles, 90.0, atol=1e-4) and model.pbc[:2].all():
                found.extend(slab_columns(model, thickness=self.thickness, min_width=self.narrowest))
        return found

    def _sources(self, models: Sequence[Atoms], seed: Seed) -> list[Atoms]:
        """Models to cut pieces from; a crystal is made as large as its grains."""
        for model in models:
            if not model.pbc.all() or len(model) == 0:
                raise InputError(
                    f"model: {len(model)} atoms, periodic along {model.pbc.tolist()}; allowed for FEM: periodic in "
                    f"all directions, or a slab periodic in the plane of a rectangular cell {self.narrowest:.0f} Å "
                    "wide or more"
                )
        if not _are_crystals(models):
            return list(models)
        # Only a crystal may be repeated: its patches are then grains of the wanted size.
        grains = [
            model.repeat([math.ceil(self.grain / PATCH / height) for height in heights_of(model)])
            for model in models
        ]
        if self.displacement:
            rng = np.random.default_rng(seed)
            for grain in grains:
                grain.positions += self.displacement * rng.normal(size=grain.positions.shape)
        return grains

    def _patched(self, sources: Sequence[Atoms], seed: int) -> Atoms:
        return glass_column(sources, width=self.built_width, thickness=self.thickness, seed=seed)

    def _gas(self, sources: Sequence[Atoms], seed: int) -> Atoms:
        return self._patched([gas_source(source, seed) for source in sources], seed)


def _listed(frames: Sequence[Atoms] | Atoms) -> list[Atoms]:
    models = list(frames) if isinstance(frames, Sequence) else [frames]
    if not models:
        raise InputError("column sources: none; allowed: at least one periodic model")
    return models


def _are_crystals(models: Sequence[Atoms]) -> bool:
    return all(is_crystal(model) for model in models)


def _check(n: int, seed: Seed) -> None:
    if isinstance(n, bool) or int(n) != n or n < 1:
        raise InputError(f"columns: {n}; allowed: a whole number from 1")
    if not isinstance(seed, np.random.SeedSequence):
        check_seed(seed)


def _seeds(seed: Seed, number: int) -> tuple[int, int, int]:
    """Seeds of a column: of its pieces, of its clusters and cap, and of its control."""
    if isinstance(seed, np.random.SeedSequence):
        glass, clusters, gas = seed.generate_state(3 * (number + 1))[-3:].tolist()
        return glass, clusters, gas
    return seed + number, seed + number, seed + number
