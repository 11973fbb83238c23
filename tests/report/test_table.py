"""What a reader sees on the terminal."""

import io
import itertools
import re

import numpy as np
import pytest
from rich.console import Console

from alzmodel.compare.by_potential import judge_by_potential
from alzmodel.compare.comparison import compare_models
from alzmodel.compare.measured import load_measured
from alzmodel.compare.network_roles import IonRole, modifier_answer
from alzmodel.compare.quantities import Quantity
from alzmodel.compare.verdicts import judge_hypotheses
from alzmodel.report.potential_table import print_potentials
from alzmodel.report.table import print_comparison, print_hypotheses, print_models, print_roles, with_error


def quantities(n):
    rng = np.random.default_rng(0)
    return [
        Quantity(name, x, f"{x}-{i}", rng.normal(mean, 0.004), kind=kind, source=source)
        for name, mean, kind, source in (
            ("zr_o_distance", 2.3, "predicted", "glass"),
            ("la_o_distance", 2.4, "predicted", "glass"),
            ("packing_fraction", 0.5, "predicted", "glass"),
            ("d222", 3.12, "assumed", "glass-ceramic"),
        )
        for x, i in itertools.product((1.5, 3.0, 4.5), range(n))
    ]


def shown(show, *args):
    buffer = io.StringIO()
    show(*args, console=Console(file=buffer, width=220))
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("value", "error", "text"),
    [
        (2.1134, 0.0042, "2.113 ± 0.004"),
        (2.1134, 0.0012, "2.1134 ± 0.0012"),
        (412.3, 26.0, "412 ± 26"),
        (0.123456, None, "0.1235"),
        (3.0, 0.0, "3"),
        (None, None, "–"),
        (float("nan"), 0.1, "–"),
        (1.0, 0.0999, "1.00 ± 0.10"),
    ],
)
def test_digits_follow_the_error(value, error, text):
    assert with_error(value, error) == text


def test_comparison_says_predicted_assumed_and_not_modelled():
    measured = load_measured()
    text = shown(print_comparison, compare_models(quantities(4), measured), measured)
    lines = text.splitlines()
    zr_o = next(line for line in lines if "Zr–O in amorphous LLZO" in line)
    assert "glass, predicted" in zr_o
    assert "differs" in zr_o
    assert "2.120 ± 0.005" in zr_o
    d222 = next(line for line in lines if line.strip().startswith("d222 (Å)"))
    assert "glass-ceramic, assumed" in d222
    assert "compatible" not in d222
    assert "3.100 ± 0.005 (± 0.011)" in d222
    raman = next(line for line in lines if "O–Zr–O stretch" in line)
    assert "no model of it in this study" in raman
    assert "588.0 ± 0.5 (1.5); 578.0 ± 0.5 (3); not separable (4.5)" in raman


def test_comparison_numbers_its_footnotes():
    measured = load_measured()
    text = shown(print_comparison, compare_models(quantities(4), measured), measured)
    for note in measured.footnotes.values():
        assert " ".join(note.split()) in " ".join(text.split())


def test_hypotheses_say_that_two_seeds_support_nothing():
    text = shown(print_hypotheses, judge_hypotheses(quantities(2)))
    assert "Fewer than 4 models at each x (2 here) support no hypothesis and contradict none." in text
    for name in ("H1", "H7R", "H8"):
        assert name in text
    assert "Fewer than" not in shown(print_hypotheses, judge_hypotheses(quantities(4)))


def test_models_are_listed_by_x():
    text = shown(print_models, [*quantities(2), Quantity("density", None, "c", 6.0, source="crystal")])
    assert "x = 1.5" in text
    assert "no x" in text
    assert "(2)" in next(line for line in text.splitlines() if "Zr–O distance" in line)


def test_each_composition_has_a_row():
    measured = load_measured()
    same = [
        Quantity("xrd_222_two_theta", x, f"{x}", 28.58, kind="assumed", source="glass-ceramic")
        for x in (1.5, 3.0, 4.5)
    ]
    text = shown(print_comparison, compare_models(same, measured), measured)
    assert len([line for line in text.splitlines() if "(222), 2θ in all films" in line]) == 3
    assert len([line for line in text.splitlines() if "pyrochlore (222), 2θ (°)" in line]) == 3


@pytest.mark.parametrize("width", [40, 80, 119, 120, 172])
def test_no_column_and_no_word_is_lost_in_a_narrow_terminal(width):
    measured = load_measured()
    buffer = io.StringIO()
    rows = compare_models(quantities(4), measured)
    print_comparison(rows, measured, console=Console(file=buffer, width=width))
    lines = buffer.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(buffer.getvalue().split())
    differing = sum(row.agreement == "differs" for row in rows)
    assert differing > 0
    assert text.count("differs") == differing
    assert {"glass-ceramic,", "assumed", "Zr–O"} <= set(text.split())
    assert "…" not in text


def test_a_quantity_has_one_number_of_decimals():
    measured = load_measured()
    text = shown(print_comparison, compare_models(quantities(4), measured), measured)
    lines = [line for line in text.splitlines() if line.strip().startswith("d222 (Å)")]
    assert len(lines) == 3
    numbers = [re.findall(r"\d+\.(\d+) ± 0\.(\d+) \(4\) +[+−]0\.(\d+) ", line)[0] for line in lines]
    assert len({len(one) for row in numbers for one in row}) == 1


def test_long_names_are_folded_and_not_cut_off():
    numbers = dict.fromkeys(
        ("coordination", "distance", "valence_per_bond", "bridging_share", "dietzel", "sun"), (0.5, 0.01)
    )
    classes = {
        "sun": {"intermediate": 3},
        "dietzel": {"between": 3},
        "table": {"modifier to intermediate": 3},
    }
    row = IonRole("La3+", 3.0, "as-deposited-high-Tf", 3, numbers, 2.9, classes, "modifier")
    buffer = io.StringIO()
    print_roles([row], modifier_answer([row]), console=Console(file=buffer, width=120))
    text = buffer.getvalue()
    assert "…" not in text
    first = next(line for line in text.splitlines() if "as-" in line)
    place = slice(first.index("as-"), first.index("as-") + 7)
    assert "as-deposited-high-Tf" in "".join(line[place].strip() for line in text.splitlines())


def test_verdicts_of_several_potentials_stand_side_by_side():
    fractions = {"du-teter": (0.565, 0.552, 0.543), "grimes": (0.60, 0.56, 0.60)}
    numbers = [
        Quantity("packing_fraction", x, f"{name}{x}{seed}", value + 1e-3 * seed, potential=name)
        for name, values in fractions.items()
        for x, value in zip((1.5, 3.0, 4.5), values, strict=True)
        for seed in range(5)
    ]
    verdicts = judge_by_potential(numbers)
    console = Console(width=170, file=io.StringIO())
    print_potentials(verdicts, console)
    text = console.file.getvalue()
    assert "contradicted (outside): packing fraction:" in " ".join(text.split())
    assert "supported: packing fraction:" in " ".join(text.split())
    assert "du-teter: cells: La2Zr2O7 +3.9 %, 3 allowed (H2)" in text
    # What cannot be tested needs no gate.
    assert "not testable (outside)" not in text
    console = Console(width=100, file=io.StringIO())
    print_hypotheses(verdicts, console=console)
    text = " ".join(console.file.getvalue().split())
    assert "outside the gate: contradicted on du-teter" in text
    assert "not testable on" not in text
    alone = Console(width=170, file=io.StringIO())
    print_potentials(judge_by_potential([q for q in numbers if q.potential == "grimes"]), alone)
    assert alone.file.getvalue() == ""
