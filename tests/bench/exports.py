#!/usr/bin/env python3
"""Measures downloads of whole results and writes docs/results/exports.md.

    exports.py --binary target/release/nilometer --counts 100000,1000000

Each format of each count meets a server that has just started. Memory is what the process holds itself (RssAnon: files mapped
into memory are the system's, which takes them back at will), looked at fifty times a second; the figure is the highest one
above that before the download. If it is the same for ten times the items, it does not grow with the result.
"""

import argparse
import json
import re
import subprocess
import threading
import time
from pathlib import Path

import requests

from run import ROOT, Server, ingest, machine, number, say

FORMATS = ("ndjson", "geojson", "csv", "geoparquet", "arrow")
# The order of pages, which is kept, and one that must be made.
ORDERS = {"newest first": "", "by a number": "&sortby=cloud"}
LOOK_S = 0.02
PIECE = 1 << 20


def item(number):
    """One of a series of granules, alike enough to be of one collection."""
    west, south = number * 7.31 % 358 - 180, number * 3.77 % 168 - 85
    ring = [[west, south], [west + 1.5, south], [west + 1.5, south + 1], [west, south + 1], [west, south]]
    day = f"20{10 + number % 15}-{1 + number % 12:02}-{1 + number % 28:02}"
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": f"granule-{number:09}", "collection": "granules",
        "geometry": {"type": "Polygon", "coordinates": [[[round(x, 5), round(y, 5)] for x, y in ring]]},
        "properties": {
            "datetime": f"{day}T{number % 24:02}:{number % 60:02}:00Z", "title": f"Granule {number}", "platform": f"sat-{number % 5}",
            "cloud": number * 7919 % 10_000 / 100, "cycle": number % 700, "pass": number % 584, "instruments": ["karin", "poseidon"],
            "version": f"{number % 9}.{number % 3}", "basin": f"basin-{number % 300}", "quality": {"good": number % 2 == 0, "score": number % 100},
        },
        "assets": {
            "data": {"href": f"https://data.example/{number}.nc", "type": "application/netcdf", "roles": ["data"]},
            "quicklook": {"href": f"https://data.example/{number}.png", "type": "image/png", "roles": ["overview"]},
        },
        "links": [],
    }


def prepare(binary, work, count):
    """A catalogue of so many items."""
    data = work / f"exports-{count}"
    if (data / "catalog").exists():
        return data
    items, collections = work / f"exports-{count}.ndjson", work / "exports-collections.ndjson"
    with items.open("w") as out:
        for i in range(count):
            out.write(json.dumps(item(i)) + "\n")
    collections.write_text(json.dumps({"type": "Collection", "id": "granules", "description": "Generated", "license": "CC0-1.0"}) + "\n")
    ingest(binary, data, items, collections)
    items.unlink()
    return data


def own_mb(pid):
    return int(re.search(r"RssAnon:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) / 1024


def measure(binary, data, work, format, order):
    """Figures of one download."""
    server = Server(binary, data, work / "exports.log")
    try:
        pid, peak, over = server.process.pid, [0.0], threading.Event()
        before = own_mb(pid)

        def look():
            while not over.wait(LOOK_S):
                peak[0] = max(peak[0], own_mb(pid))

        thread = threading.Thread(target=look)
        thread.start()
        begun, size = time.monotonic(), 0
        headers = {"accept-encoding": "identity"}
        with requests.get(f"{server.url}/search/export?f={format}{order}", headers=headers, stream=True, timeout=600) as answer:
            answer.raise_for_status()
            for piece in answer.iter_content(PIECE):
                size += len(piece)
        took = time.monotonic() - begun
        over.set()
        thread.join()
        return {"s": took, "mb": size / 1e6, "own_mb": peak[0] - before}
    finally:
        server.stop()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--counts", default="100000,1000000")
    parser.add_argument("--work", type=Path, default=Path("/tmp/nilometer-bench"))
    parser.add_argument("--out", type=Path, default=ROOT / "docs/results/exports.md")
    arguments = parser.parse_args()
    arguments.work.mkdir(parents=True, exist_ok=True)
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    profile = "a release build" if "release" in arguments.binary.parts else "a development build"
    lines = [
        "# Downloads of whole results", "",
        f"{machine()}; commit {commit}, {profile}; {time.strftime('%Y-%m-%d')}. Generated granules; memory is the process's own (RssAnon) above "
        "that before the download. Machines are noisy.", "",
        "| items | order | format | memory, MB | bytes an item | items/s |", "| --: | --- | --- | --: | --: | --: |",
    ]
    for count in [int(count) for count in arguments.counts.split(",")]:
        data = prepare(arguments.binary, arguments.work, count)
        for order, parameters in ORDERS.items():
            for format in FORMATS:
                say(f"{count} {order} {format}")
                got = measure(arguments.binary, data, arguments.work, format, parameters)
                lines.append(
                    f"| {count:,} | {order} | {format} | {number(got['own_mb'], 0)} | {number(got['mb'] * 1e6 / count, 0)} | {number(count / got['s'], 0)} |")
    arguments.out.write_text("\n".join(lines) + "\n")
    say(f"wrote {arguments.out}")


if __name__ == "__main__":
    main()
