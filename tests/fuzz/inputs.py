"""Seeded inputs for every command: a small good call in which one to three words or files are made bad."""

from __future__ import annotations

import inspect
import itertools
import random
import typing
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tests.fuzz.files import BAD_FILES, CURVES, GLASSES, STACKS, STRUCTURES, STUDIES, TOMLS

NUMBERS = (
    *(
        "nan",
        "inf",
        "-inf",
        "0",
        "-0.0",
        "-1",
        "1",
        "0.5",
        "2",
        "7",
        "1e308",
        "-1e308",
        "1e-308",
        "1e999",
        "1e15",
    ),
    *(
        "true",
        "",
        " ",
        "x",
        "1,5",
        "٣",
        "0x10",
        "1e",
        "None",
        "99999999999999999999",
        "1_0",
        "[1]",
        "--",
        "½",
    ),
)
WORDS = (
    *(
        "",
        " ",
        "nan",
        "-1",
        "0",
        "true",
        "x" * 3000,
        "\x00",
        "a\x00b",
        "$\\frac{$",
        "La",
        "la2zr2o7",
        "Ce4+",
        "Xx",
        "é",
    ),
    *(
        "../..",
        "/",
        "a/b",
        "~",
        "*",
        "%s%n",
        "{}",
        "{0}",
        "O",
        "La-O=nan",
        "La-O=-3",
        "La-O",
        "1:2:3",
        "1,nan",
        "1,,2",
    ),
    *(
        "=",
        "La=",
        "=1",
        "'",
        '"',
        "\n",
        "\x1b[2J",
        "<b>",
        "[red]",
        "[/]",
        "[bold",
        "Zr,La",
        "-",
        "--",
        "@",
        "None",
    ),
)
PATHS = (
    *("", "missing.extxyz", ".", "/", "/dev/null", "/proc/self/mem", "a\x00b.extxyz", "x" * 300 + ".extxyz"),
    *(
        "no/such/folder.extxyz",
        "out.png",
        "out.nonsense",
        "-",
        "good.extxyz/inside.png",
        "\n.svg",
        "[red].csv",
    ),
)
BASES: dict[str, tuple[str, ...]] = {
    "build glass": ("--la", "3.0", "--atoms", "90", "--dry-run", "-o", "new.extxyz"),
    "build crystal": ("La2Zr2O7", "-o", "new.extxyz"),
    "build nanocrystal": ("La2Zr2O7", "--diameter", "14", "-o", "new.extxyz"),
    "build glass-ceramic": (
        *("--la", "3.0", "--nucleus", "La2Zr2O7", "--diameter", "14", "--box", "24", "--dry-run"),
        *("-o", "new.extxyz"),
    ),
    "library": (),
    "cite": ("study",),
    "demo": ("-o", "new.html"),
    "refine": ("small.extxyz", "--calculator", "lj", "--dry-run", "-o", "new.extxyz"),
    "pdf": ("good.extxyz", "--r-max", "6"),
    "lbu": ("small.extxyz",),
    "vibrations": ("small.extxyz", "--potential", "grimes", "--no-units"),
    "raman": ("small.extxyz", "--bonds", "example"),
    "xrd": ("small.extxyz", "--method", "crystal", "--range", "20", "60", "0.2"),
    "fem": ("stack.npy", "--pixel-size", "0.3", "--ring-width", "0.3"),
    "exafs": ("good.extxyz", "--dry-run"),
    "inverse": ("small.extxyz", "--dry-run", "-o", "folder"),
    "reference": ("MgO", "--only", "models", "-o", "folder"),
    "screen": ("--dopants", "Ce", "--dry-run", "-o", "folder"),
    "solubility": (*GLASSES, "--dry-run"),
    "transport": ("moving.extxyz", "--frame-time", "0.1"),
    "run": ("study.toml", "--dry-run", "--out", "folder"),
    "study init": ("new.toml",),
    "status": ("study",),
    "compare": ("study",),
    "report": ("study", "-o", "page.html"),
    "plot": ("pdf", "study", "-o", "new.png"),
}
"""A small call of each command that is done in a moment."""
OTHERS: dict[str, tuple[tuple[str, ...], ...]] = {
    "pdf": (
        ("good.extxyz", "--r-max", "6", "--against", "r.gr"),
        ("small.extxyz", "--r-max", "6", "--function", "S", "--against", "s.sq"),
    ),
    "lbu": (("good.extxyz", "--only", "first"), ("ordinary.lmp", "--types", "Zr,O", "--only", "first")),
    "xrd": (
        (*("small.extxyz", "--method", "crystal", "--range", "20", "60", "0.2"), "--against", "good.xy"),
        ("sphere.extxyz", "--range", "20", "60", "0.5"),
    ),
    "fem": (
        (*("stack.npy", "--pixel-size", "0.3", "--ring-width", "0.3"), "--against", "v.csv"),
        ("sphere.extxyz", "--columns", "1", "--thickness", "20"),
        ("sphere.extxyz", "--columns", "1", "--thickness", "20", "--observed"),
    ),
    "transport": (("small.extxyz", "--dry-run", "-o", "folder"),),
}
"""Calls that reach other readers and options of a command; they take turns with the first."""
LIKELY: dict[str, tuple[str, ...]] = {
    "--frames": (
        "0",
        "-1",
        "last",
        "first:3:1",
        "::-1",
        "5:1",
        "0:1:0",
        "1e3",
        "99999999999",
        ":",
        "0:99999999999",
    ),
    "--types": ("Zr,O", "O", "Zr,O,La,Li", "Xx,O", "Zr,,O", "1,2", "O," * 5000, "D,6Li"),
    "--cell": (
        "10",
        "10,10,10",
        "1e-3",
        "1e300",
        "10,10,10,179.9999,1,1",
        "nan",
        "10,10,10,60,60,170",
        "-5",
        "1,2",
    ),
    "--order": ("1", "-1", "1e9", "99999999999999999999"),
    "--only": ("first", "sharing", "rings,,", "Zr", "Zr,O", "Xx", "nonsense", "first,first", "models"),
    "--columns": (
        "1,2",
        "2,1",
        "0,1",
        "1,1",
        "1,99",
        "x,y",
        "1",
        "1,2,3,4",
        "-1,2",
        "99999999999999999999,1",
        "4",
        "1e6",
    ),
    "--wavelength": ("CuKa", "MoKa1", "XxKa", "1e-9", "1e9", "0.5,0.6", "Cu", "0", "nan", "1.54"),
    "--x-unit": ("Q", "d", "2theta-rad", "theta", "Q-nm", "k-A", "r-nm", "degrees"),
    "--scan": ("1", "0", "2", "-1", "99999999999999999999"),
    "--mask": (
        "flat.npy",
        "stack.npy",
        "mask.npy",
        "all.npy",
        "words.npy",
        "cut.npy",
        "object.npy",
        "sparse.npy",
    ),
    "--dataset": ("a", "/", "nothing", "a/b", "\x00"),
    "--pixel-unit": ("1/A", "q_nm^-1", "mrad", "deg", "px", "m"),
    "--against": (*CURVES, "fem=v.csv", "xrd=good.xy", "pdf=r.gr", "fem:Q=v.csv", "fem=", "raman=v.csv"),
    "--measured": TOMLS,
    "--hypotheses": TOMLS,
    "--bonds": TOMLS,
    "--krange": ("3,10", "10,3", "0,1e9", "nan,3", "3"),
    "--rrange": ("1,3", "3,1", "0,1e9", "3"),
    "--line": ("28.5", "0", "180", "1e9", "nan"),
    "--phase": ("MgO=1", "La2Zr2O7:10.8=0.5", "Xx=1", "MgO=-1", "MgO=nan", "MgO:0=1", "MgO:1e9=1", "MgO"),
    "--substrate": ("MgO:200=1", "MgO:000=1", "MgO:999=1", "Xx:111=1", "MgO:200=nan", "MgO"),
    "--b-iso": ("0.5", "Zr=0.5,O=1", "Zr=-1", "Zr=1e308", "Xx=1", "Zr=nan"),
    "--fwhm": ("0.1", "0.1,0,0.1", "0,0,0", "-1,-1,-1", "1e308", "nan"),
    "--temperatures": ("600,700", "0", "-1", "600,600", "1e9", "nan", "600"),
}
"""Values of options that are plain text to the program: such as their readers take, and such as they must refuse."""
NEVER = {"--executor", "--help", "-h", "--ranks", "--workers"}
"""Options that would start other programs."""
FEWER = {
    "report": 40,
    "plot": 40,
    "compare": 45,
    "status": 45,
    "study init": 40,
    "library": 45,
    "cite": 45,
    "demo": 40,
}
"""Inputs of commands with little to get wrong, or that take longest."""


@dataclass(frozen=True)
class Input:
    """One input: the command, its words, and the folder that it runs in."""

    command: str
    argv: tuple[str, ...]
    note: str
    """Which file was made bad, if any."""


def commands() -> dict[str, Any]:
    """Every command of the program by its words, with its parameters."""
    import typer

    from alzmodel.cli.app import app

    found: dict[str, Any] = {}

    def walk(command: Any, words: tuple[str, ...]) -> None:
        inner = getattr(command, "commands", None)
        if inner is None:
            found[" ".join(words)] = command
            return
        for name, one in inner.items():
            walk(one, (*words, name))

    walk(typer.main.get_command(app), ())
    return found


def _word(rng: random.Random, option: str, wanted: str, choices: tuple[str, ...]) -> str:
    """A value for a parameter: of its own kind more often than not."""
    if option in LIKELY and rng.random() < 0.8:
        return rng.choice(LIKELY[option])
    if choices and rng.random() < 0.7:
        return rng.choice(choices)
    if "Path" in wanted and rng.random() < 0.8:
        return rng.choice((*PATHS, *BAD_FILES))
    if ("float" in wanted or "int" in wanted) and rng.random() < 0.85:
        return rng.choice(NUMBERS)
    return rng.choice((*WORDS, *NUMBERS))


def _kinds(command: Any) -> dict[str, tuple[str, tuple[str, ...]]]:
    """By parameter: its type in words, and the words of a choice."""
    found = {}
    for name, hint in typing.get_type_hints(inspect.unwrap(command.callback)).items():
        parts = [hint, *typing.get_args(hint)]
        enums = [one for one in parts if isinstance(one, type) and issubclass(one, Enum)]
        found[name] = (str(hint), tuple(str(one.value) for kind in enums for one in kind))
    return found


def make_inputs(number: int, seed: int) -> list[Input]:
    """`number` inputs or more: at least forty for each command, and each of its options at least once."""
    rng = random.Random(seed)
    found: list[Input] = []
    known = commands()
    most = max(40, -(-(number - sum(FEWER.values())) // (len(BASES) - len(FEWER))))
    for name, base in BASES.items():
        options = [
            one
            for one in known[name].params
            if one.param_type_name == "option" and one.opts[0] not in NEVER and one.name != "help"
        ]
        kinds = _kinds(known[name])
        rng.shuffle(options)
        following = itertools.cycle(options)
        calls = itertools.cycle((base, *OTHERS.get(name, ())))
        for turn in range(max(FEWER.get(name, most), len(options))):
            words = list(next(calls))
            note = ""
            if turn % 3 == 1 and any(word in REPLACED for word in words):
                at = rng.choice([n for n, word in enumerate(words) if word in REPLACED])
                note = words[at] = rng.choice(REPLACED[words[at]])
            elif turn % 7 == 3 and words:
                at = rng.randrange(len(words))
                note = words[at] = rng.choice((*WORDS, *PATHS))
            if turn % 3 != 1 or not note:
                for option in itertools.islice(following, min(len(options), rng.choice((1, 2, 2, 3)))):
                    words.append(rng.choice([*option.opts, *option.secondary_opts]))
                    if not option.is_flag:
                        kind = kinds[option.name]
                        words += [_word(rng, max(option.opts, key=len), *kind) for _ in range(option.nargs)]
            found.append(Input(name, (*name.split(), *words), note))
    return found


REPLACED: dict[str, tuple[str, ...]] = {
    "good.extxyz": STRUCTURES,
    "small.extxyz": STRUCTURES,
    "moving.extxyz": STRUCTURES,
    "stack.npy": (*STACKS, *STACKS, *STRUCTURES),
    "ordinary.lmp": STRUCTURES,
    GLASSES[0]: STRUCTURES,
    "sphere.extxyz": STRUCTURES,
    "good.xy": CURVES,
    "r.gr": CURVES,
    "s.sq": CURVES,
    "v.csv": CURVES,
    "study.toml": STUDIES,
    "study": ("missing", "good.extxyz", "hollow", "broken-study", "."),
}
