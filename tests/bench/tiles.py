#!/usr/bin/env python3
"""Measures vector tiles of generated items and writes docs/results/tiles-COUNT.md.

    tiles.py --binary target/release/nilometer --kit FOLDER --count 1000000

The kit names the tiles (zooms 0, 3, 6 and 9, around points of rivers, as for its peers). Each question meets a server that has
just started: cold is the first request of a tile, kept are the repeats. What takes long is kept in --work and used again.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

from run import ROOT, Server, ingest, machine, number, prepare, say

REPEATS = 5
# Nothing left out; and three ways to leave most out.
QUESTIONS = {
    "everything": {},
    "a year": {"datetime": "2024-01-01T00:00:00Z/2024-12-31T23:59:59Z"},
    "a condition": {"filter": "\"hydro:wse_mean\" > 200"},
    "words": {"q": "amazon"},
}
PEERS = {"ST_AsMVT": "res_tiles_asmvt.json", "Martin": "res_tiles_martin.json", "tipg": "res_tiles_tipg.json"}


def load(kit, name):
    """A module of the kit."""
    sys.path.insert(0, str(kit))
    spec = importlib.util.spec_from_file_location(f"kit_{name}", kit / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(client, tiles, url, pid, question):
    """Figures by zoom."""
    host, port = url.removeprefix("http://").split(":")
    connection = client.Conn(host, int(port), 120)
    query = "&".join(f"{name}={quote(value)}" for name, value in question.items())

    def get(zoom, col, row):
        path = f"/tiles/WebMercatorQuad/{zoom}/{row}/{col}" + (f"?{query}" if query else "")
        head = f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nAccept-Encoding: identity\r\n\r\n"
        status, body = connection.req(head.encode())
        assert status in (200, 204), (path, status, body[:200])
        return body

    figures = {}
    for zoom, count, _ in tiles.SET:
        cold, kept, sizes = [], [], []
        places = tiles.tiles(zoom, count)
        contention, before = client.contention(), client.cpu_ms([pid])
        for col, row in places:
            begun = time.perf_counter()
            body = get(zoom, col, row)
            cold.append((time.perf_counter() - begun) * 1000)
            sizes.append(len(body))
        between = client.cpu_ms([pid])
        for col, row in places * REPEATS:
            begun = time.perf_counter()
            get(zoom, col, row)
            kept.append((time.perf_counter() - begun) * 1000)
        after = client.cpu_ms([pid])
        figures[zoom] = {
            "tiles": len(places), "contention": contention,
            "cold_p50": client.pct(cold, 50), "cold_max": max(cold), "cold_cpu": (between - before) / len(cold),
            "kept_p50": client.pct(kept, 50), "kept_cpu": (after - between) / len(kept),
            "kb_p50": client.pct(sizes, 50) / 1000, "kb_max": max(sizes) / 1000,
        }
    connection.close()
    return figures


def peers(kit):
    found = {}
    for name, file in PEERS.items():
        path = kit / "results" / file
        if path.exists():
            zooms = json.loads(path.read_text())["z"]
            found[name] = {int(zoom): z for zoom, z in zooms.items()}
    return found


def report(count, figures, questions, others):
    lines = [
        f"# Tiles of {count:,} generated items", "",
        f"{figures['machine']}; commit {figures['commit']}; {time.strftime('%Y-%m-%d')}. Machines are noisy: compare CPU time, not wall time.",
        "",
        "A server that has just started answers each question. Cold is the first request of a tile; the first one at zoom 0 also "
        "finds out how dense the matches lie. Kept tiles come from memory. Contention is wall over CPU time of the client alone.",
        "", f"Peak memory {figures['memory_mb']:,.0f} MB.", "",
        "| question | zoom | tiles | cold p50 ms | cold max ms | cold CPU ms | kept p50 ms | kept CPU ms | kB p50 | kB max | contention |",
        "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |",
    ]
    for name, zooms in questions.items():
        for zoom, z in zooms.items():
            cells = [z["cold_p50"], z["cold_max"], z["cold_cpu"], z["kept_p50"], z["kept_cpu"]]
            row = [name, str(zoom), str(z["tiles"])] + [number(cell) for cell in cells]
            lines.append("| " + " | ".join(row + [number(z["kb_p50"], 1), number(z["kb_max"], 1), number(z["contention"])]) + " |")
    if others:
        lines += ["", "## Beside others", "",
                  "Cold p50 ms and, in brackets, kB of a tile. The others were measured at 1 million items on a machine of this size; "
                  "they answer without a filter, with every shape in every tile.", "",
                  "| zoom | ours |" + "".join(f" {name} |" for name in others), "| --: | --: |" + " --: |" * len(others)]
        for zoom, z in questions["everything"].items():
            row = [str(zoom), f"{number(z['cold_p50'], 1)} ({number(z['kb_p50'], 0)})"]
            for other in others.values():
                theirs = other.get(zoom, {})
                cold = theirs.get("cold") or {}
                row.append(f"{number(cold.get('p50'), 1)} ({number(theirs.get('kb_p50'), 0)})")
            lines.append("| " + " | ".join(row) + " |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--work", type=Path, default=ROOT / ".bench")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "results")
    options = parser.parse_args()
    binary, kit = options.binary.resolve(), options.kit.resolve()
    if not (kit / "tiles.py").exists():
        sys.exit(f"the benchmark kit is not at {kit}: name its folder with --kit")
    options.work.mkdir(parents=True, exist_ok=True)
    items, collections, _, _ = prepare(kit, options.work, options.count, options.seed, with_oracle=False)
    data = options.work / f"tiles-data-{options.count}"
    if not data.exists():
        ingest(binary, data, items, collections)
    client, tiles = load(kit, "bench"), load(kit, "tiles")
    figures = {"machine": machine(), "memory_mb": 0}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    figures["commit"] = commit.stdout.strip() or "unknown"
    questions = {}
    for name, question in QUESTIONS.items():
        say(name)
        server = Server(binary, data, options.work / "tiles-server.log")
        try:
            questions[name] = measure(client, tiles, server.url, server.process.pid, question)
            figures["memory_mb"] = max(figures["memory_mb"], server.memory_mb())
        finally:
            server.stop()
    text = report(options.count, figures, questions, peers(kit))
    options.out.mkdir(parents=True, exist_ok=True)
    (options.out / f"tiles-{options.count}.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
