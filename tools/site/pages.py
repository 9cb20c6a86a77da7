"""Makes the pages of the site from those of the repository.

The pages are written for a reader of the repository and are not changed there.
This script adapts copies for MkDocs: the README is the home page, a link to a file outside of docs/
leads to a page that shows it, and the navigation lists what its patterns match.

    pages.py FOLDER    replaces FOLDER; writes FOLDER/pages and FOLDER/mkdocs.yml
"""

import fnmatch
import posixpath
import re
import shutil
import sys
from pathlib import Path

import yaml

here = Path(__file__).resolve().parent

# Pages with another name in the site.
moved = {"README.md": "index.md", "docs/README.md": "pages.md"}

languages = {
    ".cfg": "haproxy", ".conf": "nginx", ".go": "go", ".js": "js", ".json": "json", ".mjs": "js", ".php": "php",
    ".py": "python", ".sh": "sh", ".sql": "sql", ".ts": "ts", ".tsx": "tsx", ".yaml": "yaml", ".yml": "yaml",
}

fence = re.compile(r"^\s*(`{3,}|~{3,})")
named = re.compile(r"^(\s*(?:`{3,}|~{3,})\S+) +(\S.*)$")
nested = re.compile(r"^ {2,3}(?=\S)")
# Code is matched too, so that nothing in it counts as a link.
link = re.compile(r"""`+[^`]*`+|\]\((?P<target>[^)\s]+)|\b(?:src|srcset|href)="(?P<value>[^"\s]+)""")


# A link whose text is the name of the page.
file_name = re.compile(r"\[(?:[\w/.-]+/)?(?P<name>[\w-]+\.md)\]\((?P<target>[^)#\s]*(?P=name))(?P<end>[)#])")
title = re.compile(r"^# (.+)$", re.MULTILINE)


class Repository:
    """The files that the site shows, below a root."""

    def __init__(self, root: Path):
        self.root = root

    def page(self, path: str) -> str:
        """The file to show for a path: a folder's README stands for the folder."""
        readme = posixpath.join(path, "README.md")
        return readme if (self.root / readme).is_file() else path

    def in_site(self, path: str) -> str:
        """The path in the site for a path of the repository."""
        path = self.page(path)
        if path in moved:
            return moved[path]
        if path.startswith("docs/"):
            return path.removeprefix("docs/")
        folder, name = posixpath.split(path)
        # MkDocs leaves out names that begin with a dot.
        name = re.sub(r"^\.", "dot-", name)
        as_it_is = Path(name).suffix in (".md", ".png", ".svg")
        return posixpath.join("repository", folder, name if as_it_is else f"{name}.md")

    def write(self, out: Path) -> list[str]:
        """Writes docs/, the README, the changelog, and all files that they link to."""
        written = []
        paths = [p.relative_to(self.root).as_posix() for p in sorted((self.root / "docs").rglob("*")) if p.is_file()]
        waiting = ["README.md", "CHANGELOG.md", *paths]
        while waiting:
            path = self.page(waiting.pop())
            source, uri = self.root / path, self.in_site(path)
            if uri in written or not source.exists():
                continue  # MkDocs reports links to missing files
            written.append(uri)
            target = out / uri
            target.parent.mkdir(parents=True, exist_ok=True)
            if not uri.endswith(".md"):
                shutil.copyfile(source, target)
            elif path.endswith(".md"):
                text = source.read_text("utf-8")
                waiting += [found for _, _, found in links(text, path)]
                target.write_text(reformed(self.relinked(self.titled(text, path), path)), "utf-8")
            else:
                target.write_text(shown(source, path), "utf-8")
        return [uri for uri in written if uri.endswith(".md")]

    def indexed(self) -> list[str]:
        """The pages of the site in the order in which the index of their folder has them."""
        out = []
        for index in sorted((self.root / "docs").rglob("README.md")):
            path = index.relative_to(self.root).as_posix()
            out += [self.in_site(found) for _, _, found in links(index.read_text("utf-8"), path)]
        return out

    def titled(self, text: str, path: str) -> str:
        """The page with the titles of other pages in place of their file names."""

        def named(match: re.Match) -> str:
            page = self.root / posixpath.normpath(posixpath.join(posixpath.dirname(path), match["target"]))
            found = title.search(page.read_text("utf-8")) if page.is_file() else None
            return f"[{found[1]}]({match['target']}{match['end']}" if found else match[0]

        return file_name.sub(named, text)

    def relinked(self, text: str, path: str) -> str:
        """The page with its links as they are in the site."""
        folder = posixpath.dirname(self.in_site(path)) or "."
        parts, done = [], 0
        for start, target, found in links(text, path):
            parts += [text[done:start], posixpath.relpath(self.in_site(found), folder)]
            done = start + len(target)
        return "".join(parts) + text[done:]


def links(text: str, path: str) -> list[tuple[int, str, str]]:
    """The links of a page to files: position, text, and the path in the repository."""
    out = []
    for match in link.finditer(without_code_blocks(text)):
        group = "target" if match["target"] else "value"
        target = (match[group] or "").partition("#")[0]
        if target and not re.match(r"[a-z]+:", target):
            out.append((match.start(group), target, posixpath.normpath(posixpath.join(posixpath.dirname(path), target))))
    return out


def without_code_blocks(text: str) -> str:
    """The page with blanks for the lines of its code blocks."""
    lines, end = [], None
    for line in text.split("\n"):
        mark = fence.match(line)
        if end is None and mark:
            end = mark[1]
        elif end is None:
            lines.append(line)
            continue
        elif line.strip() == end:
            end = None
        lines.append(" " * len(line))
    return "\n".join(lines)


def reformed(text: str) -> str:
    """Converts syntax that Python-Markdown reads differently from GitHub: the name of
    a file or step after the language of a code block, and nested lists indented by two."""
    lines = []
    for line, outside in zip(text.split("\n"), without_code_blocks(text).split("\n")):
        name = named.match(line)
        if name and not outside.strip():
            is_file = "." in name[2] or "/" in name[2]
            line = f'{name[1]} title="{name[2]}"' if is_file else name[1]
        elif outside.strip():
            line = nested.sub("    ", line)
        lines.append(line)
    return "\n".join(lines)


def shown(source: Path, path: str) -> str:
    """A page for a folder, or for a file that is not Markdown."""
    if source.is_dir():
        names = sorted(p.name for p in source.iterdir() if not p.name.startswith(".") and p.name != "node_modules")
        return f"# {source.name}\n\nThe folder `{path}` of the repository contains:\n\n" + "".join(f"- `{name}`\n" for name in names)
    text = source.read_text("utf-8")
    ticks = "`" * (max([2, *(len(run) for run in re.findall("`+", text))]) + 1)
    language = languages.get(source.suffix, "text")
    return f"---\nsearch: {{ exclude: true }}\n---\n\n# {source.name}\n\n`{path}` in the repository:\n\n{ticks}{language}\n{text}\n{ticks}\n"


def navigation(entries: list, pages: list[str], indexed: list[str]) -> list:
    """The navigation with each pattern replaced by the pages it matches, in the order of the index."""
    patterns = sorted(leaves(entries), key=len, reverse=True)
    belongs = {uri: next((p for p in patterns if matches(uri, p)), None) for uri in pages}
    place = {uri: i for i, uri in reversed(list(enumerate(indexed)))}
    order = sorted(pages, key=lambda uri: (not uri.endswith("README.md"), place.get(uri, len(indexed)), uri))

    def expanded(entries: list) -> list:
        out = []
        for entry in entries:
            if isinstance(entry, dict):
                out += [{title: inner} for title, below in entry.items() if (inner := expanded(below))]
            elif "*" in entry:
                out += [uri for uri in order if belongs[uri] == entry]
            else:
                out.append(entry)  # MkDocs reports a missing one
        return out

    return expanded(entries)


def matches(uri: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(uri, pattern) and uri.count("/") == pattern.count("/")


def leaves(entries: list):
    for entry in entries:
        if isinstance(entry, dict):
            for below in entry.values():
                yield from leaves(below)
        else:
            yield entry


def main(folder: str) -> None:
    out = Path(folder)
    shutil.rmtree(out, ignore_errors=True)
    repository = Repository(here.parents[1])
    pages = repository.write(out / "pages")
    shutil.copyfile(here / "site.css", out / "pages/site.css")
    shutil.copyfile(repository.root / "console/static/icon.svg", out / "pages/icon.svg")
    # The rest of the configuration has tags that only MkDocs can read, so it is copied as text.
    before, nav = (here / "mkdocs.yml").read_text("utf-8").split("\nnav:\n")
    entries = navigation(yaml.safe_load("nav:\n" + nav)["nav"], pages, repository.indexed())
    (out / "mkdocs.yml").write_text(before + "\n" + yaml.safe_dump({"nav": entries}, sort_keys=False), "utf-8")


if __name__ == "__main__":
    main(sys.argv[1])
