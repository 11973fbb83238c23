"""Look through a built site: nothing is loaded from elsewhere, and every link leads to a page and place that is there.

python .ci/site.py FOLDER
"""

from __future__ import annotations

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADS = {"script": "src", "img": "src", "iframe": "src", "source": "src", "link": "href"}


class Page(HTMLParser):
    """What a page loads, where its links lead, and the names of its places."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.links: list[str] = []
        self.places: set[str] = {""}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note one tag."""
        values = {name: value or "" for name, value in attrs}
        self.places |= {values[name] for name in ("id", "name") if name in values}
        canonical = tag == "link" and values.get("rel") in {"canonical", "next", "prev"}
        if tag in LOADS and LOADS[tag] in values and not canonical:
            self.loads.append(values[LOADS[tag]])
        if tag == "a" and "href" in values:
            self.links.append(values["href"])


def read(path: Path) -> Page:
    """Parse one page."""
    page = Page()
    page.feed(path.read_text(encoding="utf-8"))
    return page


def faults(folder: Path) -> list[str]:
    """Name everything that is loaded from elsewhere, and every link that leads nowhere."""
    pages = {path.resolve(): read(path) for path in folder.rglob("*.html")}
    found = []
    for path, page in pages.items():
        name = path.relative_to(folder.resolve())
        if path.name == "404.html":
            # Its links begin at the root of the host.
            continue
        found += [f"{name}: loads {one}" for one in page.loads if urlsplit(one).netloc]
        for link in (*page.links, *page.loads):
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if target.is_dir():
                target /= "index.html"
            if not target.is_file():
                found.append(f"{name}: {link}: no such file")
            elif target in pages and unquote(parts.fragment) not in pages[target].places:
                found.append(f"{name}: {link}: no such place")
    if not pages:
        found.append(f"{folder}: no pages")
    return found


def main() -> int:
    """Print the faults; the exit status is 1 where there are any."""
    found = faults(Path(sys.argv[1]))
    print("\n".join(found) or f"{sys.argv[1]}: loads nothing from elsewhere, all links lead somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
