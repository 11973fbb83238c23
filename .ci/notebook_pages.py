"""Hook of MkDocs: each notebook of docs/ as a page, by nbconvert, with its outputs as they stand in the file."""

from __future__ import annotations

from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from mkdocs.structure.files import File

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add a page of Markdown for each notebook, and its pictures; the notebook itself can be downloaded."""
    from nbconvert import MarkdownExporter

    for path in sorted(Path(config.docs_dir).rglob("*.ipynb")):
        place = PurePosixPath(path.relative_to(config.docs_dir).as_posix())
        text, resources = MarkdownExporter().from_filename(str(path), resources={"unique_key": path.stem})
        title, _, rest = text.strip().partition("\n")
        link = f"[This notebook as a file]({place.name})"
        page = f"{title}\n\n{link}\n{rest}\n".replace("![png](", "![Figure of this cell](")
        files.append(File.generated(config, str(place.with_suffix(".md")), content=page))
        for name, data in resources["outputs"].items():
            files.append(File.generated(config, str(place.with_name(name)), content=data))
    return files
