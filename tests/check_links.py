#!/usr/bin/env python3
"""Checks that every relative link of the repository's Markdown files leads to a file or folder, and to a heading if it
names one. Standard library only. Exit code 1 and one line a broken link otherwise."""

import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import unquote

ROOT = Path(__file__).resolve().parent.parent
LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)>?(?:\s+\"[^\"]*\")?\s*\)")


def prose(text):
    """The text without code blocks and code spans, where brackets are no links."""
    text = re.sub(r"^(```|~~~).*?^\1", "", text, flags=re.S | re.M)
    return re.sub(r"`[^`\n]*`", "", text)


def anchors(path):
    """Names that headings get, as the usual renderers make them."""
    names, seen = set(), {}
    for heading in re.findall(r"^#+\s+(.*?)\s*#*$", path.read_text("utf-8"), flags=re.M):
        name = re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")
        count = seen.get(name, 0)
        seen[name] = count + 1
        names.add(f"{name}-{count}" if count else name)
    return names


def documents():
    """Markdown files that git knows or would take up."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "*.md"],
        cwd=ROOT, check=True, capture_output=True,
    ).stdout.decode()
    return [ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def broken(document):
    """The document's links that lead nowhere."""
    for target in LINK.findall(prose(document.read_text("utf-8"))):
        if re.match(r"[a-z][a-z0-9+.-]*:", target, flags=re.I):
            continue
        name, _, anchor = unquote(target).partition("#")
        path = (document.parent / name).resolve() if name else document
        if not path.exists():
            yield target
        elif anchor and path.suffix == ".md" and anchor not in anchors(path):
            yield target


def main():
    found = [f"{document.relative_to(ROOT)}: {target}" for document in documents() for target in broken(document)]
    print("\n".join(found) if found else f"{len(documents())} documents, every relative link leads somewhere")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
