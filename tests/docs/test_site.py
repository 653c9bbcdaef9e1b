"""The site: built strictly, whole, current, and nothing in it comes from elsewhere."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
import yaml

from scripts.write_reference import reference_pages
from tests.docs.pages import ROOT

DOCS = ROOT / "docs"
_LOADED = {"link": "href", "script": "src", "img": "src", "iframe": "src", "source": "srcset"}


class Page(HTMLParser):
    """Where a page links to, what it loads, and the anchors that it has."""

    def __init__(self, file: Path) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.anchors: set[str] = set()
        self.feed(file.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.anchors |= {given[name] for name in ("id", "name") if name in given}
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if (loaded := given.get(_LOADED.get(tag, ""))) and given.get("rel") != "canonical":
            self.loaded.append(loaded)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site as `make docs` builds it, from a copy, so that nothing is written into the checkout."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(DOCS, folder / "docs")
    (folder / "mllib").symlink_to(ROOT / "mllib")
    (folder / "mkdocs.yml").write_text((ROOT / "mkdocs.yml").read_text())
    zensical = Path(sys.executable).with_name("zensical")
    done = subprocess.run([zensical, "build", "--strict"], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "site"


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {file: Page(file) for file in sorted(site.rglob("*.html")) if file.name != "404.html"}


def test_every_page_is_in_the_navigation() -> None:
    named = set(_named(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"]))
    assert named == {str(file.relative_to(DOCS)) for file in DOCS.rglob("*.md")}


def test_every_page_is_built(site: Path, pages: dict[Path, Page]) -> None:
    built = {str(file.relative_to(site).with_suffix(".md")) for file in pages}
    assert built == {str(file.relative_to(DOCS)) for file in DOCS.rglob("*.md")}


def test_every_link_leads_somewhere(pages: dict[Path, Page]) -> None:
    broken = [
        f"{file.name}: {link}"
        for file, page in pages.items()
        for link in (*page.links, *page.loaded)
        if not urlsplit(link).scheme and not _leads_somewhere(file, link, pages)
    ]
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site: Path, pages: dict[Path, Page]) -> None:
    loaded = [source for page in pages.values() for source in page.loaded]
    assert [source for source in loaded if urlsplit(source).netloc] == []
    styles = [file.read_text(encoding="utf-8") for file in site.rglob("*.css")]
    assert [
        found for text in styles for found in re.findall(r"url\(\s*[\"']?(?:https?:)?//[^)]+", text)
    ] == []


def test_python_is_described_from_its_docstrings(pages: dict[Path, Page]) -> None:
    (python,) = (page for file, page in pages.items() if file.name == "python.html")
    assert {"mllib.inference.Predictor.predict", "mllib.errors.NotReady"} <= python.anchors


@pytest.mark.parametrize("name", ["cli.md", "configuration.md", "rest.md"])
def test_the_reference_is_that_of_the_code(name: str, written: dict[str, str]) -> None:
    assert (DOCS / "reference" / name).read_text() == written[name], "run make docs"


@pytest.fixture(scope="module")
def written() -> dict[str, str]:
    return reference_pages()


@pytest.mark.parametrize(
    "file",
    sorted(set(ROOT.glob("*.md")) | set(DOCS.rglob("*.md"))),
    ids=lambda file: str(file.relative_to(ROOT)),
)
def test_links_lead_somewhere_in_the_checkout_too(file: Path) -> None:
    links = re.findall(r"\]\(([^)\s#]+)(?:#[^)]*)?\)", file.read_text())
    assert [link for link in links if not urlsplit(link).scheme and not (file.parent / link).exists()] == []


def _named(part: object) -> Iterator[str]:
    match part:
        case str():
            yield part
        case list() | dict():
            for inner in part.values() if isinstance(part, dict) else part:
                yield from _named(inner)


def _leads_somewhere(file: Path, link: str, pages: dict[Path, Page]) -> bool:
    path, _, anchor = unquote(link).partition("#")
    target = (file.parent / path).resolve() if path else file
    if not anchor:
        return target.exists()
    return target in pages and anchor in pages[target].anchors
