"""``alzmodel exafs``: what an X-ray absorption edge would see of structure files."""

from __future__ import annotations

import functools
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alzmodel.cli.costs import Cost
from alzmodel.cli.curves import each_file
from alzmodel.cli.exafs_display import print_exafs
from alzmodel.cli.options import Files, Json, MaxAtoms, Source, command
from alzmodel.cli.options.exafs import ExafsOptions, ExafsOutput
from alzmodel.cli.output import print_json, print_table, show_progress
from alzmodel.cli.reading import read_models, refused_in
from alzmodel.errors import InputError
from alzmodel.formats.notes import tell
from alzmodel.io import check_writable
from alzmodel.reading import MAX_ATOMS
from alzmodel.results import together

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import typer
    from ase import Atoms

    from alzmodel.results import Result
    from alzmodel.scattering.exafs.data import MeasuredChi
    from alzmodel.scattering.exafs.feff import PhaseStore
    from alzmodel.scattering.exafs.shell_fit import Standard
    from alzmodel.scattering.exafs.sites import Exafs, ExafsSettings

__all__ = ["register"]

SECONDS_OF_SITE, SECONDS_OF_PHASES = 0.5, 13.0
"""Of one core, in every cost here: a site with phases that are known, and those phases from five sites."""
SITES_OF_STANDARD = 32
BYTES = 6e8


def register(app: typer.Typer) -> None:
    """Add the command to the command tree."""
    app.command()(command(exafs))


def exafs(
    files: Files,
    options: ExafsOptions,
    output: ExafsOutput,
    source: Source,
    max_atoms: MaxAtoms = MAX_ATOMS,
    as_json: Json = False,
) -> None:
    """Compute the EXAFS of an edge over sites and frames: χ(k), its transform, and what a fit of it reads."""
    work = _work(files, options, output, as_json)
    if output.dry_run:
        _show_plan(files, work, source, max_atoms, as_json)
        return
    cost = functools.partial(_cost, work=work)
    result = each_file(files, work, max_atoms=max_atoms, cost=cost, source=source)
    for note in dict.fromkeys(work.notes):
        tell(note)
    _finish(result, work, output)
    print_json(result) if as_json else print_exafs(result)


@dataclass(frozen=True)
class _ExafsWork:
    """χ(k) of the frames of one file, with what was asked for."""

    settings: ExafsSettings
    r_range: tuple[float, float] | None
    list_sites: bool
    measured: MeasuredChi | None
    store: PhaseStore
    notes: list[str] = field(default_factory=list)
    standards: list[Standard] = field(default_factory=list)
    found: list[Exafs] = field(default_factory=list)

    def __call__(self, frames: list[Atoms]) -> Result:
        from alzmodel.scattering.exafs.data import lay_beside
        from alzmodel.scattering.exafs.sites import exafs

        with show_progress("exafs") as progress:
            found = exafs(
                frames, self.settings, store=self.store, workers=self.store.workers, progress=progress
            )
        self.notes.extend(found.notes)
        self.found.append(found)
        parts: list[Any] = [found]
        if self.r_range is not None:
            parts.append(self._fitted(found, frames))
        if self.measured is not None:
            parts.append({"against": lay_beside(found, self.measured)})
        if self.list_sites:
            parts.append({"sites": found.sites()})
        return together(*parts)

    def _fitted(self, found: Exafs, frames: list[Atoms]) -> Result:
        from alzmodel.scattering.exafs.shell_fit import shell_beside_truth, standard_of

        assert self.r_range is not None
        if not self.standards:
            with show_progress("exafs of La2Zr2O7") as progress:
                self.standards.append(
                    standard_of(self.settings, self.r_range, workers=self.store.workers, progress=progress)
                )
        return shell_beside_truth(found, frames, self.settings, self.standards[0])


def _work(files: Sequence[Path], options: ExafsOptions, output: ExafsOutput, as_json: bool) -> _ExafsWork:
    """Check what was asked for, before any work."""
    from alzmodel.scattering.exafs.data import read_chi
    from alzmodel.scattering.exafs.edges import edge_of
    from alzmodel.scattering.exafs.feff import PhaseStore, check_installed
    from alzmodel.scattering.exafs.sites import ExafsSettings, check_r_range, cores

    edge = edge_of(options.edge.value)
    settings = ExafsSettings(
        edge=edge,
        n_sites=options.sites,
        seed=options.seed,
        k_weight=options.kweight,
        k_range=_pair("--krange", options.krange),
        dk=options.dk,
        window=options.taper.value,
        path_radius=options.path_radius,
        stretch=options.stretch,
    )
    r_range = _pair("--rrange", options.rrange)
    if r_range is not None and not options.fit:
        raise InputError(f"--rrange {options.rrange}: nothing is fitted; allowed: with --fit")
    if options.fit:
        r_range = check_r_range(r_range or edge.r_range, settings)
    _check_output(files, output, as_json)
    check_installed()
    measured = None if output.against is None else read_chi(output.against)
    workers = cores() if output.workers is None else output.workers
    return _ExafsWork(settings, r_range, output.list_sites, measured, PhaseStore(output.phases, workers))


def _check_output(files: Sequence[Path], output: ExafsOutput, as_json: bool) -> None:
    if output.workers is not None and not 1 <= output.workers <= 256:
        raise InputError(f"--workers {output.workers}: out of range; allowed: 1 to 256")
    if output.list_sites and (not as_json or len(files) > 1):
        raise InputError("--list-sites: allowed: with --json, and one file")
    if output.phases is not None and output.phases.exists() and not output.phases.is_dir():
        raise InputError(
            f"--phases {output.phases}: not a folder; allowed: a folder, made where there is none"
        )
    if output.write is not None:
        if output.write.suffix not in {".chi", ".dat", ".txt"}:
            raise InputError(
                f"--write {output.write}: ending {output.write.suffix or 'none'}; allowed: .chi, .dat, .txt"
            )
        if len(files) > 1:
            raise InputError(f"--write {output.write}: {len(files)} files to analyse; allowed: one")
        check_writable(output.write)
    if output.figure is not None:
        from alzmodel.report.drawing import FORMATS

        if output.figure.suffix not in FORMATS:
            raise InputError(
                f"--figure {output.figure}: ending {output.figure.suffix!r}; allowed: {', '.join(FORMATS)}"
            )
        check_writable(output.figure)


def _pair(name: str, text: str | None) -> tuple[float, float] | None:
    """Two numbers with a comma between."""
    if text is None:
        return None
    try:
        first, last = (float(word) for word in text.split(","))
    except ValueError:
        raise InputError(f"{name} {text!r}: not two numbers; allowed: FIRST,LAST such as 3,12") from None
    return first, last


def _show_plan(
    files: Sequence[Path], work: _ExafsWork, source: Source, max_atoms: int, as_json: bool
) -> None:
    """Print the sites of each file, and about how long they take."""
    from alzmodel.scattering.exafs.sites import check_absorber, count_sites

    plan = []
    for path in files:
        frames = read_models(path, max_atoms=max_atoms, source=source)
        try:
            check_absorber(frames, work.settings)
        except InputError as error:
            raise refused_in(path, error) from error
        sites = count_sites(frames, work.settings)
        plan.append({"file": str(path), "sites": sites, "seconds": _cost(frames, work).seconds})
    if as_json:
        print_json({"plan": plan, "workers": work.store.workers})
        return
    rows = [(row["file"], row["sites"], row["seconds"]) for row in plan]
    print_table(f"plan: {work.store.workers} processes", ("file", "sites", "about (s)"), rows)


def _cost(frames: list[Atoms], work: _ExafsWork) -> Cost:
    """Of one file; the engine's processes share the cores."""
    from alzmodel.scattering.exafs.sites import count_sites

    sites = count_sites(frames, work.settings) + (SITES_OF_STANDARD if work.r_range is not None else 0)
    return Cost((SECONDS_OF_PHASES + SECONDS_OF_SITE * sites) / work.store.workers, BYTES)


def _finish(result: dict[str, Any], work: _ExafsWork, output: ExafsOutput) -> None:
    """Write the curve and the figure."""
    from alzmodel.scattering.exafs.data import write_chi

    if output.write is not None:
        write_chi(output.write, work.found[0])
    if output.figure is not None:
        from alzmodel.report.exafs_figure import plot_exafs

        settings = work.settings
        plot_exafs(
            {"model": result},
            output.figure,
            k_weight=settings.k_weight,
            k_range=settings.range,
            measured=None if work.measured is None else work.measured.transformed(settings),
        )
