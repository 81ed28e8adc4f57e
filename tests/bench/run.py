#!/usr/bin/env python3
"""Measures the binary on generated items and writes docs/results/bench-COUNT.md.

    run.py --binary target/release/nilometer --kit FOLDER --count 100000

The kit's generator makes the items, its workload is asked over HTTP, and its oracle, which knows nothing of our code, tells
which answers are right. Everything that takes long is kept in --work and used again: items, oracle.
"""

import argparse
import json
import os
import platform
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import requests

ROOT = Path(__file__).resolve().parents[2]
CLIENTS, WRITE_S = 32, 20


def say(text):
    print(f"[{time.strftime('%H:%M:%S')}] {text}", flush=True)


def timed(command, **options):
    """Runs a command; wall and CPU seconds."""
    before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    subprocess.run([str(part) for part in command], check=True, **options)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.monotonic() - begun, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Server:
    """`nilometer serve` on a free port."""

    def __init__(self, binary, data, log):
        begun = time.monotonic()
        with open(log, "wb") as out:
            command = [binary, "serve", "--data", data, "--listen", "127.0.0.1:0"]
            self.process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL)
        self.url = None
        while True:
            assert self.process.poll() is None and time.monotonic() < begun + 300, Path(log).read_text()
            found = re.search(r"http://127\.0\.0\.1:[1-9]\d*", Path(log).read_text())
            try:
                if found and requests.get(f"{found[0]}/readyz", timeout=5).status_code == 200:
                    self.url = found[0]
                    break
            except requests.ConnectionError:
                pass
            time.sleep(0.002)
        self.ready_s = time.monotonic() - begun

    def memory_mb(self):
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


def prepare(kit, work, count, seed, with_oracle=True):
    """Items, their collections, and the oracle's answers if they are wanted."""
    items = work / f"items-{count}.ndjson"
    collections = items.with_name(f"{items.stem}.collections.ndjson")
    oracle = work / f"oracle-{count}.json"
    workload = kit / "workload.json"
    if not collections.exists() or not items.exists():
        say(f"generating {count} items")
        timed([sys.executable, kit / "gen.py", "--count", count, "--seed", seed, "--out", items])
    if with_oracle and not oracle.exists():
        say("asking the oracle")
        timed([sys.executable, kit / "oracle.py", items, "--workload", workload, "--out", oracle], stdout=subprocess.DEVNULL)
    return items, collections, workload, oracle


def ingest(binary, data, items, collections):
    """Seconds of wall and CPU time of the ingest."""
    if data.exists():
        shutil.rmtree(data)
    timed([binary, "ingest", "--data", data, collections])
    say("ingesting")
    return timed([binary, "ingest", "--data", data, items])


def ask(kit, url, pid, workload, oracle, out, throughput):
    """The kit's client: latency, CPU time, correctness."""
    command = [sys.executable, kit / "bench.py", url, "--workload", workload, "--oracle", oracle, "--out", out, "--pids", pid]
    timed(command + (["--throughput", throughput] if throughput else []))
    return json.loads(out.read_text())


def suggest(url, pid, items, seed):
    """Milliseconds of `/suggest` as somebody types titles of random items, letter by letter, and CPU ms a request."""
    with open(items, encoding="utf-8") as lines:
        titles = [json.loads(line)["properties"].get("title") for line, _ in zip(lines, range(20_000))]
    titles = random.Random(seed).sample(sorted({title for title in titles if title}), 60)
    texts = [title[:length] for title in titles for length in range(1, min(len(title), 16) + 1)]
    ticks = lambda: sum(int(n) for n in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13])
    session, times, before = requests.Session(), [], ticks()
    for text in texts:
        begun = time.perf_counter()
        session.get(f"{url}/suggest", params={"q": text}, timeout=60).raise_for_status()
        times.append((time.perf_counter() - begun) * 1000)
    cpu = (ticks() - before) * 1000 / os.sysconf("SC_CLK_TCK") / len(texts)
    times.sort()
    at = lambda share: times[min(len(times) - 1, int(share * len(times)))]
    return {"count": len(times), "p50": at(0.5), "p99": at(0.99), "worst": times[-1], "cpu": cpu}


def write_load(binary, url, key):
    tool = binary.parent / "write_load"
    done = subprocess.run([tool, url, key, "write-load", str(CLIENTS), str(WRITE_S)], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def peer(kit, name):
    """CPU ms a request of a measured peer, by query."""
    path = kit / "results" / name
    if not path.exists():
        return {}
    return {key: value.get("cpu_ms_per_req") for key, value in json.loads(path.read_text())["queries"].items()}


def machine():
    model = re.search(r"model name\s*:\s*(.*)", Path("/proc/cpuinfo").read_text())
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores ({model[1] if model else platform.machine()}), {memory:.0f} GiB, Linux {platform.release()}"


def number(value, digits=2):
    return "–" if value is None else f"{value:,.{digits}f}"


def report(count, size, figures, bench, peers):
    """The Markdown text."""
    queries = bench["queries"]
    checked = sum(query.get("checked", 0) for query in queries.values())
    wrong = sum(query.get("wrong", 0) for query in queries.values())
    failed = {name: query["errors"][0] for name, query in queries.items() if query.get("n_err")}
    lines = [
        f"# {count:,} generated items", "",
        f"{figures['machine']}; commit {figures['commit']}; {time.strftime('%Y-%m-%d')}. Machines are noisy: compare CPU time, not wall time.",
        "", "| | |", "| --- | --: |",
        f"| ingest | {count / figures['ingest_s']:,.0f} items/s ({figures['ingest_s']:.1f} s, {figures['ingest_cpu_s']:.1f} CPU s) |",
        f"| input | {size / count:,.0f} bytes an item |",
        f"| on disk | {figures['bytes'] / count:,.0f} bytes an item |",
        f"| binary | {figures['binary_bytes'] / 1e6:.1f} MB |",
        f"| start to ready | {figures['ready_s'] * 1000:,.0f} ms |",
        f"| peak memory while answering | {figures['memory_mb']:,.0f} MB |",
        f"| acknowledged single writes, {CLIENTS} clients | {figures['writes']['writes_per_s']:,.0f} a second"
        f" (p50 {number(figures['writes']['p50_ms'])} ms, p99 {number(figures['writes']['p99_ms'])} ms) |",
        f"| `/suggest` while one types, {figures['suggest']['count']} texts | p50 {number(figures['suggest']['p50'])} ms,"
        f" p99 {number(figures['suggest']['p99'])} ms, worst {number(figures['suggest']['worst'])} ms; {number(figures['suggest']['cpu'])} CPU ms |",
        f"| answers checked against the oracle | {checked}, wrong {wrong} |",
        f"| queries with errors | {len(failed)} of {len(queries)} |",
        "", "## Bytes by component", "", "| component | bytes | bytes an item |", "| --- | --: | --: |",
    ]
    parts = {"log": figures["stats"]["log_bytes"], **{f"index {k}": v for k, v in figures["stats"]["index_bytes"].items()}}
    lines += [f"| {name} | {value:,} | {value / count:,.1f} |" for name, value in sorted(parts.items(), key=lambda p: -p[1])]
    names = list(peers)
    lines += ["", "## Queries", "", "`ours` and the peers: CPU milliseconds a request. The peers were measured at 1 million items.", "",
              "| query | right | p50 ms | p95 ms | ours |" + "".join(f" {name} |" for name in names),
              "| --- | --: | --: | --: | --: |" + " --: |" * len(names)]
    for name, query in queries.items():
        times = query.get("all") or {}
        right = f"{query['checked'] - query['wrong']}/{query['checked']}" if "checked" in query else "–"
        row = [name, right, number(times.get("p50")), number(times.get("p95")), number(query.get("cpu_ms_per_req"), 3)]
        row += [number(peers[peer_name].get(name)) for peer_name in names]
        lines.append("| " + " | ".join(row) + " |")
    if failed:
        lines += ["", "## Errors", ""] + [f"- {name}: {why}" for name, why in failed.items()]
    examples = [f"- {name}: {why}" for name, query in queries.items() for why in query.get("wrong_examples", [])]
    if examples:
        lines += ["", "## Wrong answers", ""] + examples
    if bench.get("throughput"):
        lines += ["", "## Throughput, 8 connections", "", "| query | requests/s | CPU ms a request | p99 ms | errors |", "| --- | --: | --: | --: | --: |"]
        for name, part in bench["throughput"].items():
            if "rps" in part:
                lines.append(f"| {name} | {part['rps']:,.0f} | {number(part.get('cpu_ms_per_req'), 3)} | {number(part['p99_ms'])} | {part['errors']} |")
    return "\n".join(lines) + "\n", wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--throughput", type=int, default=0, help="seconds of load for each query; 0 leaves it out")
    parser.add_argument("--work", type=Path, default=ROOT / ".bench")
    options = parser.parse_args()
    binary, kit = options.binary.resolve(), options.kit.resolve()
    if not (kit / "gen.py").exists():
        sys.exit(f"the benchmark kit is not at {kit}: name its folder with --kit")
    options.work.mkdir(parents=True, exist_ok=True)
    items, collections, workload, oracle = prepare(kit, options.work, options.count, options.seed)

    data = options.work / f"data-{options.count}"
    figures = {"machine": machine(), "binary_bytes": binary.stat().st_size}
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True)
    figures["commit"] = commit.stdout.strip() or "unknown"
    figures["ingest_s"], figures["ingest_cpu_s"] = ingest(binary, data, items, collections)
    stats = subprocess.run([binary, "stats", "--data", data, "--json"], check=True, capture_output=True, text=True)
    figures["stats"] = json.loads(stats.stdout)
    assert figures["stats"]["items"] == options.count, figures["stats"]
    catalog = data / "catalog"
    figures["bytes"] = sum(path.stat().st_size for path in catalog.glob("**/*") if path.is_file())
    create = [binary, "admin", "key", "create", "--data", data, "--user", "bench", "--role", "operator"]
    key = subprocess.run(create, check=True, capture_output=True, text=True).stdout.splitlines()[-1].strip()

    say("starting the server")
    server = Server(binary, data, options.work / "server.log")
    figures["ready_s"] = server.ready_s
    try:
        say("asking the workload")
        out = options.work / f"bench-{options.count}.json"
        bench = ask(kit, server.url, server.process.pid, workload, oracle, out, options.throughput)
        figures["memory_mb"] = server.memory_mb()
        say("typing")
        figures["suggest"] = suggest(server.url, server.process.pid, items, options.seed)
        say(f"writing from {CLIENTS} clients for {WRITE_S} s")
        figures["writes"] = write_load(binary, server.url, key)
    finally:
        server.stop()
    peers = {"pgstac": peer(kit, "pgstac_1m.json"), "rustac": peer(kit, "rustac_1m.json"), "SQLite in process": peer(kit, "sqlite_1m.json")}
    text, wrong = report(options.count, items.stat().st_size, figures, bench, peers)
    results = ROOT / "docs" / "results"
    results.mkdir(parents=True, exist_ok=True)
    (results / f"bench-{options.count}.md").write_text(text)
    print(text)
    if wrong:
        sys.exit(f"{wrong} answers are wrong")


if __name__ == "__main__":
    main()
