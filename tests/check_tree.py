#!/usr/bin/env python3
"""Checks that the dependency tree holds one version only of the crates whose types cross our own crates' borders, or
that are too heavy to build twice. Exit code 1 and the versions otherwise."""

import subprocess
import sys
from collections import defaultdict

ONE_VERSION = [
    "arrow", "arrow-array", "arrow-schema", "axum", "datafusion", "deltalake", "geo", "geo-types", "h3o", "hyper",
    "object_store", "parquet", "rustls", "sqlx", "tantivy", "tokio", "tower-http",
]
# Versions that may stand beside another, and why.
EXCUSED = {
    # The HTTP client that deltalake's object stores bring holds the older one; nothing of ours meets it.
    ("tower-http", "v0.6"),
}


def main():
    command = ["cargo", "tree", "--workspace", "--edges", "normal,build,dev", "--target", "all", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    versions = defaultdict(set)
    for line in tree.splitlines():
        words = line.split()
        if len(words) >= 2:
            if (words[0], ".".join(words[1].split(".")[:2])) not in EXCUSED:
                versions[words[0]].add(words[1])
    doubled = {name: sorted(versions[name]) for name in ONE_VERSION if len(versions[name]) > 1}
    for name, found in doubled.items():
        print(f"{name}: {', '.join(found)} (see `cargo tree -i {name}@VERSION`)")
    if not doubled:
        print(f"{len(versions)} crates, one version of each heavy one")
    return 1 if doubled else 0


if __name__ == "__main__":
    sys.exit(main())
