"""Make the glasses of one potential for the library of models, one after the other; the same call goes on.

    python scripts/make_potential_library.py --potential learned --workdir DIR --plan
    python scripts/make_potential_library.py --potential learned --workdir DIR [--workers 2]

For each La content: the two protocols of the library with all seeds; the annealed one at 10 K/ps with the first seed,
to say what the rate of the quench does; frames of every glass at 300, 573 and 873 K (5 each; 4 ps of warming,
then one each 0.4 ps, at zero pressure). Then a nucleus of La2Zr2O7 in glass of x = 3.0, held while the glass melts and
free from the anneal on: its lattice parameter in the end is a prediction. Each model stands in the library as soon as
it is finished, in place of an older one of the same name; the restart files of one in work lie in the folder.
``--plan`` tells time steps and CPU time, and does nothing.
"""

from __future__ import annotations

import argparse
import shutil
import sys
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alzmodel.composition import glass_composition
from alzmodel.errors import AlzmodelError, InputError, run_main
from alzmodel.forcefields.potentials import potential
from alzmodel.models import crystal_models, glass_ceramic, melt_quench
from alzmodel.models.library import add_model, library, library_folder, load_model
from alzmodel.models.protocols import for_potential, protocol_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ase import Atoms

    from alzmodel.models.protocols import Protocol

PROTOCOLS = ("annealed-low-Tf", "as-deposited-high-Tf")
SLOW_RATE = 10.0
"""K/ps."""
HOT_FRAMES = 5
NUCLEUS = "La2Zr2O7"


@dataclass(frozen=True)
class Item:
    """One model of the library.

    Attributes
    ----------
    name
        In the library.
    la, seed, atoms
        What is built.
    protocol
        How.
    potential
        With what.
    temperatures
        K, of further frames.
    diameter
        Å, of a nucleus; 0 for a glass.
    """

    name: str
    la: float
    seed: int
    atoms: int
    protocol: Protocol
    potential: str
    temperatures: tuple[float, ...]
    diameter: float = 0.0

    @property
    def steps(self) -> int:
        """Time steps of molecular dynamics, those of the further frames included."""
        return self.protocol.total_steps + len(self.temperatures) * round(
            crystal_models.hot_time(HOT_FRAMES) / 0.002
        )

    @property
    def seconds(self) -> float:
        """CPU-seconds that it takes about."""
        rate = (
            melt_quench.estimate_seconds(self.atoms, self.protocol, self.potential)
            / self.protocol.total_steps
        )
        return rate * self.steps

    @property
    def input_hash(self) -> str:
        """Hash of all that the model depends on, as its provenance holds it."""
        composition = glass_composition(self.la)
        if self.diameter:
            return glass_ceramic.input_hash(
                composition,
                nucleus=NUCLEUS,
                diameter=self.diameter,
                n_atoms=self.atoms,
                seed=self.seed,
                protocol=self.protocol,
                potential=self.potential,
            )
        return melt_quench.input_hash(
            composition, self.atoms, seed=self.seed, protocol=self.protocol, potential=self.potential
        )


def items(options: argparse.Namespace) -> Iterator[Item]:
    """Every model that is asked for, the quick ones first."""
    name = potential(options.potential).name
    changes = {"melt_temperature": options.melt_temperature} if options.melt_temperature else {}
    first = options.first_seed
    kinds = [(protocol_of(one), one, range(first, first + options.seeds)) for one in reversed(PROTOCOLS)]
    slow = f"{PROTOCOLS[0]}-{SLOW_RATE:g}K-ps"
    slower = protocol_of({"base": PROTOCOLS[0], "quench_rate": SLOW_RATE, "name": slow})
    kinds.append((slower, slow, range(first, first + 1)))
    hot = tuple(float(kelvin) for kelvin in options.temperatures)
    for base, protocol, seeds in kinds:
        made = for_potential(protocol_of({**base.to_dict(), "name": protocol, **changes}), potential(name))
        for seed in seeds:
            for la in options.la:
                stem = f"x{la:g}-{name}-{protocol}-seed{seed}"
                yield Item(stem, la, seed, options.atoms, made, name, hot)
    if options.diameter:
        base = protocol_of("glass-ceramic")
        made = for_potential(
            protocol_of({**base.to_dict(), "name": "glass-ceramic", **changes}), potential(name)
        )
        stem = f"x3-{name}-glass-ceramic-{NUCLEUS}-{options.diameter:g}A-seed{first}"
        yield Item(stem, 3.0, first, options.ceramic_atoms, made, name, (), options.diameter)


def work_of(item: Item, folder: Path) -> Path:
    """Where the restart files of a model lie; those of other inputs lie elsewhere."""
    return folder / f"{item.name}-{item.input_hash[:8]}"


def build(item: Item, folder: Path) -> tuple[Atoms, list[Atoms], dict[float, list[Atoms]]]:
    """Minimised model, frames at 300 K, and frames at the further temperatures."""
    composition, work = glass_composition(item.la), work_of(item, folder)
    how: dict[str, Any] = {
        "seed": item.seed,
        "protocol": item.protocol,
        "potential": item.potential,
        "progress": False,
        "workdir": work,
    }
    if item.diameter:
        glass = glass_ceramic.glass_ceramic(
            composition, nucleus=NUCLEUS, diameter=item.diameter, n_atoms=item.atoms, **how
        )
    else:
        glass = melt_quench.melt_quench(composition, item.atoms, **how)
    hot = {
        kelvin: crystal_models.thermal_crystal(
            glass.model,
            kelvin,
            potential=item.potential,
            free_cell=True,
            n_frames=HOT_FRAMES,
            seed=item.seed,
        ).frames
        for kelvin in item.temperatures
    }
    return glass.model, glass.frames, hot


def is_done(item: Item, folder: Path) -> bool:
    """Whether the library holds this very model, with all its frames."""
    for entry in library(folder):
        if entry.name == item.name and {kelvin for kelvin, _ in entry.hot} == set(item.temperatures):
            return bool(load_model(entry, folder).info["provenance"].get("input_hash") == item.input_hash)
    return False


def check(wanted: Sequence[Item], options: argparse.Namespace) -> None:
    """Refuse what cannot be, before any time is spent."""
    for item in wanted:
        composition = glass_composition(item.la)
        if item.diameter:
            glass_ceramic.check_request(
                composition,
                nucleus=NUCLEUS,
                diameter=item.diameter,
                n_atoms=item.atoms,
                protocol=item.protocol,
                potential=item.potential,
            )
        else:
            melt_quench.check_request(composition, item.atoms, item.protocol, item.potential)
        for kelvin in item.temperatures:
            crystal_models.check_temperature(kelvin)
    names = {item.name for item in wanted}
    others = [
        entry.name
        for entry in library(options.library)
        if entry.potential == wanted[0].potential and entry.kind == "glass" and entry.name not in names
    ]
    if others:
        raise InputError(
            f"--library {options.library}: holds other glasses of {wanted[0].potential} ({others[0]}), which "
            "studies would take for these; allowed: a library without them"
        )


def parsed(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--potential", default="learned")
    parser.add_argument("--workdir", type=Path, required=True, metavar="DIR", help="for restart files")
    parser.add_argument("--library", type=Path, default=library_folder(), metavar="DIR")
    parser.add_argument("--la", type=float, nargs="+", default=[1.5, 3.0, 4.5], metavar="X")
    parser.add_argument("--seeds", type=int, default=4, help="of each content and protocol")
    parser.add_argument(
        "--first-seed", type=int, default=1, help="other models of the same kind: a fresh set"
    )
    parser.add_argument("--atoms", type=int, default=600)
    parser.add_argument("--temperatures", type=float, nargs="*", default=[573.0, 873.0], metavar="K")
    parser.add_argument(
        "--melt-temperature", type=float, metavar="K", help="in place of the protocols' 4200 K"
    )
    parser.add_argument("--diameter", type=float, default=24.0, help="Å, of the nucleus; 0: no glass-ceramic")
    parser.add_argument("--ceramic-atoms", type=int, default=2900, help="nucleus and glass")
    parser.add_argument("--workers", type=int, default=1, help="models built side by side")
    parser.add_argument("--plan", action="store_true", help="tell steps and CPU time, do nothing")
    options = parser.parse_args(arguments)
    if options.seeds < 1 or options.workers < 1:
        raise InputError(f"--seeds {options.seeds}, --workers {options.workers}; allowed: at least 1")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Build what is missing."""
    options = parsed(arguments)
    wanted = list(items(options))
    check(wanted, options)
    left = [item for item in wanted if not is_done(item, options.library)]
    for item in left if options.plan else ():
        print(f"{item.name}: {item.atoms} atoms, {item.steps} steps, {item.seconds / 60:.0f} min")
    total = sum(item.seconds for item in left) / 3600
    print(f"{len(left)} of {len(wanted)} models to make, about {total:.1f} CPU-hours", file=sys.stderr)
    if options.plan or not left:
        return 0
    options.workdir.mkdir(parents=True, exist_ok=True)
    done, failures = len(wanted) - len(left), list[str]()
    with ProcessPoolExecutor(options.workers, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(build, item, options.workdir): item for item in left}
        for finished in as_completed(running):
            item = running[finished]
            try:
                model, frames, hot = finished.result()
            except AlzmodelError as error:
                # One melt that did not melt costs no other model.
                failures.append(item.name)
                print(f"failed: {item.name}: {error}", file=sys.stderr, flush=True)
                continue
            add_model(item.name, model, frames, la=item.la, li=7.0, hot=hot, folder=options.library)
            shutil.rmtree(work_of(item, options.workdir), ignore_errors=True)
            done += 1
            print(f"{done}/{len(wanted)} {item.name}: {len(model)} atoms", file=sys.stderr, flush=True)
    if failures:
        raise AlzmodelError(
            f"{len(failures)} of {len(wanted)} models failed: {', '.join(failures)}; the others stand"
        )
    return 0


if __name__ == "__main__":
    run_main(main)
