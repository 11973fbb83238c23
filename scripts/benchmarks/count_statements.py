"""Size of the package: statements, longest functions, functions of many parameters.

    python scripts/benchmarks/count_statements.py [FOLDER] [--json]

A statement is a statement of the syntax tree, compound ones and their parts counted each; a logical line is a line as
the tokenizer ends it. Docstrings and other bare texts, comments and blank lines count for neither.
"""

from __future__ import annotations

import argparse
import ast
import io
import json
import tokenize
from dataclasses import asdict, dataclass
from pathlib import Path

from alzmodel.errors import run_main

LONGEST, LINES_MAX, PARAMETERS_MAX = 20, 120, 15
PACKAGE = Path(__file__).parent.parent.parent / "alzmodel"


@dataclass(frozen=True)
class Function:
    """One function: where it is, its lines with decorators and docstring, its parameters, whether numba compiles it."""

    name: str
    lines: int
    parameters: int
    kernel: bool


@dataclass(frozen=True)
class Counted:
    """What one file holds."""

    statements: int
    logical_lines: int
    functions: tuple[Function, ...]


def count(path: Path, name: str) -> Counted:
    """Count one file."""
    text = path.read_text(encoding="utf-8")
    nodes = list(ast.walk(ast.parse(text)))
    bare = [node for node in nodes if _is_text(node)]
    statements = sum(isinstance(node, ast.stmt) for node in nodes) - len(bare)
    tokens = tokenize.generate_tokens(io.StringIO(text).readline)
    ends = sum(token.type == tokenize.NEWLINE for token in tokens)
    functions = [
        Function(f"{name}:{node.name}", _lines(node), _parameters(node), _is_kernel(node))
        for node in nodes
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return Counted(statements, ends - len(bare), tuple(functions))


def _is_text(node: ast.AST) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _lines(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    first = min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)])
    return (node.end_lineno or node.lineno) - first + 1


def _parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = node.args
    return len([*given.posonlyargs, *given.args, *given.kwonlyargs]) + sum(
        one is not None for one in (given.vararg, given.kwarg)
    )


def _is_kernel(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    return any("jit" in ast.unparse(decorator) for decorator in node.decorator_list)


def main() -> int:
    """Print the counts of every subpackage and of the whole."""
    reader = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    reader.add_argument("folder", nargs="?", type=Path, default=PACKAGE)
    reader.add_argument("--json", action="store_true")
    given = reader.parse_args()
    root = given.folder.resolve()
    files = {str(path.relative_to(root)): path for path in sorted(root.rglob("*.py"))}
    counted = {name: count(path, name) for name, path in files.items()}
    parts: dict[str, list[int]] = {}
    for name, one in counted.items():
        part = parts.setdefault(name.partition("/")[0] if "/" in name else "(top)", [0, 0, 0])
        for place, value in enumerate((1, one.statements, one.logical_lines)):
            part[place] += value
    functions = sorted(
        (function for one in counted.values() for function in one.functions),
        key=lambda function: -function.lines,
    )
    many = [function for function in functions if function.parameters > PARAMETERS_MAX]
    whole = {
        "files": len(files),
        "statements": sum(one.statements for one in counted.values()),
        "logical_lines": sum(one.logical_lines for one in counted.values()),
        "functions": len(functions),
        "functions_over_120_lines": sum(function.lines > LINES_MAX for function in functions),
        "functions_over_15_parameters": len(many),
    }
    if given.json:
        found = {"whole": whole, "parts": parts, "longest": [asdict(one) for one in functions[:LONGEST]]}
        print(json.dumps(found | {"many_parameters": [asdict(one) for one in many]}, indent=1))
        return 0
    print(f"{'part':<16}{'files':>8}{'statements':>12}{'logical lines':>15}")
    for name, numbers in parts.items():
        print(f"{name:<16}{numbers[0]:>8}{numbers[1]:>12}{numbers[2]:>15}")
    for name, number in whole.items():
        print(f"{name:<32}{number:>8}")
    for title, rows in (("longest functions", functions[:LONGEST]), ("more than 15 parameters", many)):
        print(f"\n{title}: lines, parameters")
        for one in rows:
            print(f"{one.lines:>6}{one.parameters:>4}  {one.name}{'  (numba)' if one.kernel else ''}")
    return 0


if __name__ == "__main__":
    run_main(main)
