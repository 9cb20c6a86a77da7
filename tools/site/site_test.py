"""Tests pages.py, and the site that build has just made."""

import html.parser
import tempfile
import unittest
from pathlib import Path
from urllib.parse import urldefrag, urljoin

import pages

root = Path(__file__).resolve().parents[2]
site = root / "bin/site"


class Pages(unittest.TestCase):
    def repository(self, **files: str) -> pages.Repository:
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        for name, text in {"README.md": "# Home\n", "CHANGELOG.md": "# Changelog\n", **files}.items():
            path = Path(folder.name, name)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
        return pages.Repository(Path(folder.name))

    def test_links_lead_to_the_same_files(self):
        files = {
            "docs/README.md": "[home](../README.md)",
            "docs/a.md": "[all](README.md) [b](spec/b.md#part) [file](../deploy/x.conf) [folder](../deploy) [web](https://a.example/x.md) `[no](../code.md)`",
            "docs/" "spec/b.md": '[a](../a.md) <img src="../images/p.svg">\n\n```sh\n[no](../code.md)\n```\n',
            "docs/images/p.svg": "<svg/>",
            "deploy/README.md": "[x](x.conf)",
            "deploy/x.conf": "``` listen 80;",
        }
        repository = self.repository(**files)
        out = repository.root / "out"
        repository.write(out)
        read = lambda name: (out / name).read_text()
        self.assertEqual(read("pages.md"), "[home](index.md)")
        self.assertEqual(
            read("a.md"),
            "[all](pages.md) [b](spec/b.md#part) [file](repository/deploy/x.conf.md) [folder](repository/deploy/README.md)"
            " [web](https://a.example/x.md) `[no](../code.md)`",
        )
        self.assertEqual(read("spec/b.md"), '[a](../a.md) <img src="../images/p.svg">\n\n```sh\n[no](../code.md)\n```\n')
        self.assertEqual(read("repository/deploy/README.md"), "[x](x.conf.md)")
        self.assertIn("````nginx\n``` listen 80;\n````", read("repository/deploy/x.conf.md"))
        self.assertTrue((out / "images/p.svg").is_file())

    def test_a_page_that_is_named_by_its_file_is_named_by_its_title(self):
        repository = self.repository(**{"docs/a.md": "# The first\n\n# x\n"})
        text = "[a.md](a.md) [docs/a.md](a.md#x) [so](a.md) [b.md](b.md)"
        self.assertEqual(repository.titled(text, "docs/b.md"), "[The first](a.md) [The first](a.md#x) [so](a.md) [b.md](b.md)")

    def test_markdown_of_github_is_read_the_same(self):
        self.assertEqual(
            pages.reformed("- a\n  - b\n\n```ts lib/a.ts\n  - c\n```\n\n```sh step 1\nls\n```"),
            '- a\n    - b\n\n```ts title="lib/a.ts"\n  - c\n```\n\n```sh\nls\n```',
        )

    def test_a_page_is_in_the_navigation_where_the_longest_pattern_has_it(self):
        entries = [{"One": ["a*.md", "none*.md"]}, {"Two": ["a-b*.md", {"Three": ["spec/*.md"]}]}, {"Four": ["gone*.md"]}]
        found = pages.navigation(entries, ["a-bc.md", "a-c.md", "a.md", "spec/y.md", "spec/z.md", "spec/README.md", "other.md"], ["spec/z.md", "a.md", "spec/y.md", "a-c.md"])
        self.assertEqual(found, [{"One": ["a.md", "a-c.md"]}, {"Two": ["a-bc.md", {"Three": ["spec/README.md", "spec/z.md", "spec/y.md"]}]}])


class Links(html.parser.HTMLParser):
    """The links of a page, and the files that a browser loads for it."""

    def __init__(self, text: str):
        super().__init__()
        self.leads, self.loads = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        if tag == "a" and given.get("href"):
            self.leads.append(given["href"])
        elif tag == "link" and given.get("rel") in ("stylesheet", "icon", "preconnect", "preload"):
            self.loads.append(given["href"])
        elif given.get("src"):
            self.loads.append(given["src"])


class Site(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.pages = {p: Links(p.read_text("utf-8")) for p in sorted(site.rglob("*.html")) if p.name != "404.html"}

    def test_every_page_of_docs_is_in_the_navigation(self):
        home = {urldefrag(href).url for href in self.pages[site / "index.html"].leads}
        for page in sorted((root / "docs").rglob("*.md")):
            name = page.relative_to(root / "docs").with_suffix(".html").as_posix()
            name = {"README.html": "pages.html"}.get(name, name.replace("README.html", "index.html"))
            with self.subTest(page=name):
                self.assertIn(name, home)

    def test_a_browser_loads_nothing_from_elsewhere(self):
        for page, links in self.pages.items():
            for target in links.loads:
                with self.subTest(page=page.relative_to(site), target=target):
                    path = urldefrag(urljoin(page.as_uri(), target)).url
                    self.assertTrue(path.startswith(site.as_uri() + "/"))
                    self.assertTrue(Path(path.removeprefix("file://").partition("?")[0]).is_file())

    def test_links_lead_to_pages(self):
        for page, links in self.pages.items():
            for target in links.leads:
                path = urldefrag(urljoin(page.as_uri(), target)).url
                if path.startswith("file://"):
                    with self.subTest(page=page.relative_to(site), target=target):
                        self.assertTrue(Path(path.removeprefix("file://")).exists())


if __name__ == "__main__":
    unittest.main()
