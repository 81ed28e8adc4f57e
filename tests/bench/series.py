#!/usr/bin/env python3
"""Measures series on generated rows beside DuckDB on the same files and writes docs/results/series-ROWS.md.

    series.py --binary target/release/nilometer --example target/release/examples/series_bench --kit FOLDER

The kit generates the rows. They are ingested through a mapping, asked for in the store (the example), over HTTP, and by
DuckDB from the very Parquet files of the table. Both get the same features in the same order, and see the same machine.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pyarrow.parquet as pq
import requests

from run import ROOT, Server, machine, say, timed

COLLECTION = "bench-series"
MAPPING = f"""
[observations]
collection = "{COLLECTION}"
feature = ["feature_id"]
time = "time"
timezone = "UTC"

[[observations.parameters]]
column = "wse"
name = "wse"
unit = "m"

[[observations.parameters]]
column = "width"
name = "width"
unit = "m"

[[observations.parameters]]
column = "quality"
name = "quality"
type = "integer"
"""
QUESTIONS_ONE, QUESTIONS_MANY, MANY = 60, 4, 10_000
PART_ROWS = 10_000_000


def cpu_s():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def process_cpu_ms(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


def summary(walls, cpu_ms, rows=None):
    walls = sorted(walls)
    at = lambda share: walls[round((len(walls) - 1) * share)]
    return {"questions": len(walls), "p50_ms": at(0.5), "p99_ms": at(0.99), "cpu_ms": cpu_ms / len(walls), "rows": rows}


def measured(ask, questions, cpu=lambda: cpu_s() * 1000):
    walls, before, rows = [], cpu(), 0
    for question in questions:
        begun = time.perf_counter()
        rows += ask(question)
        walls.append((time.perf_counter() - begun) * 1e3)
    return summary(walls, cpu() - before, rows)


def by_duckdb(files, ones, manys):
    duck = duckdb.connect()
    duck.execute("set threads=2")
    duck.execute(f"create view rows as from read_parquet({files!r})")
    month = ("select feature_id, date_trunc('month', phenomenon_time) m, avg(wse) a, count(wse) n from rows {where} "
             "group by 1, 2 order by 1, 2")
    one = lambda f: len(duck.execute("select phenomenon_time, wse from rows where feature_id = ? order by 1", f).fetchnumpy()["wse"])
    month_one = lambda f: len(duck.execute(month.format(where="where feature_id = ?"), f).fetchnumpy()["a"])

    def month_many(features):
        duck.execute("create or replace temp table wanted as select unnest(?::varchar[]) feature_id", [features])
        where = "where feature_id in (select feature_id from wanted)"
        return len(duck.execute(month.format(where=where)).fetchnumpy()["a"])

    month_all = lambda _: len(duck.execute(month.format(where="")).fetchnumpy()["a"])
    one(ones[0])
    return {
        "series, 1 feature": measured(one, ones),
        "month means, 1 feature": measured(month_one, ones),
        "month means, many features": measured(month_many, manys),
        "month means, all features": measured(month_all, [None] * 3),
    }


def by_http(url, pid, ones):
    session = requests.Session()
    base = f"{url}/collections/{COLLECTION}"

    def series(features):
        answer = session.get(f"{base}/locations/{features[0]}", params={"f": "CSV", "parameter-name": "wse"}, timeout=60)
        answer.raise_for_status()
        return answer.text.count("\n") - 1

    def months(features):
        answer = session.get(f"{base}/locations/{features[0]}", timeout=60,
                             params={"f": "CSV", "parameter-name": "wse", "resample": "P1M", "method": "mean"})
        answer.raise_for_status()
        return answer.text.count("\n") - 1

    series(ones[0])
    cpu = lambda: process_cpu_ms(pid)
    return {"series, 1 feature": measured(series, ones, cpu), "month means, 1 feature": measured(months, ones, cpu)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", type=Path, required=True)
    parser.add_argument("--example", type=Path, required=True)
    parser.add_argument("--kit", type=Path, required=True)
    parser.add_argument("--work", type=Path, default=ROOT / ".bench")
    parser.add_argument("--features", type=int, default=100_000)
    parser.add_argument("--observations", type=int, default=500)
    options = parser.parse_args()
    rows = options.features * options.observations
    work = options.work
    work.mkdir(parents=True, exist_ok=True)
    generated = work / f"ts-{rows}"
    if not (generated / "ts.parquet").exists():
        say(f"generating {rows} rows")
        generated.mkdir(exist_ok=True)
        timed([sys.executable, options.kit / "ts_base.py", "gen", generated, "--features", options.features, "--obs", options.observations])
    data = work / f"series-{rows}"
    mapping = work / "series.toml"
    mapping.write_text(MAPPING)
    ingest = None
    if not (data / "series").exists():
        say("ingesting")
        ingest = timed([options.binary, "ingest", "--data", data, "--mapping", mapping, *parts(generated)])
        say("merging files")
        timed([options.binary, "compact", "--data", data])
    pick = random.Random(7)
    ones = [[str(pick.randrange(options.features))] for _ in range(QUESTIONS_ONE)]
    manys = [[str(f) for f in pick.sample(range(options.features), min(MANY, options.features // 2))] for _ in range(QUESTIONS_MANY)]
    lists = work / "features.json"
    lists.write_text(json.dumps(ones + manys))
    say("in the store")
    store = json.loads(subprocess.run([str(options.example), str(data), COLLECTION, "wse", str(lists)], check=True, capture_output=True, text=True).stdout)
    say("DuckDB on the same files")
    table = data / "series" / COLLECTION
    active = active_files(table)
    duck = by_duckdb([str(table / name) for name in active], ones, manys)
    stored = json.loads(subprocess.run([options.binary, "stats", "--data", data, "--json"], check=True, capture_output=True, text=True).stdout)["observations"]
    assert rows * 0.9999 < stored <= rows, f"{stored} of {rows} rows are stored"
    say("over HTTP")
    server = Server(options.binary, data, work / "series-server.log")
    http = by_http(server.url, server.process.pid, ones)
    memory = server.memory_mb()
    server.stop()
    size = sum((table / name).stat().st_size for name in active)
    write(options, stored, ingest, store, duck, http, memory, size, len(active))


def parts(generated):
    """The rows in files of ten million, since one table may hold twenty."""
    folder = generated / "parts"
    if not folder.exists():
        say("cutting the rows into files")
        making = generated / "parts.tmp"
        shutil.rmtree(making, ignore_errors=True)
        making.mkdir()
        writer, held = None, 0
        for batch in pq.ParquetFile(generated / "ts.parquet").iter_batches(1_000_000):
            if writer is None or held >= PART_ROWS:
                if writer:
                    writer.close()
                writer, held = pq.ParquetWriter(making / f"{len(list(making.iterdir())):03}.parquet", batch.schema), 0
            writer.write_batch(batch)
            held += batch.num_rows
        writer.close()
        making.rename(folder)
    return sorted(folder.glob("*.parquet"))


def active_files(table):
    """The files of the newest version, by replaying the log."""
    active = set()
    for commit in sorted((table / "_delta_log").glob("*.json")):
        for line in commit.read_text().splitlines():
            action = json.loads(line)
            if "add" in action:
                active.add(action["add"]["path"])
            elif "remove" in action:
                active.discard(action["remove"]["path"])
    return sorted(active)


def write(options, rows, ingest, store, duck, http, memory, size, files):
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout.strip()
    lines = [f"# Series of {rows:,} generated rows", "",
             f"{machine()}; commit {commit or 'unknown'}; {time.strftime('%Y-%m-%d')}. Machines are noisy: compare CPU time, not wall time.", "",
             f"{options.features:,} features of {options.observations:,} observations; {files} files, {size / rows:.1f} bytes a row."]
    if ingest:
        lines.append(f"Ingest through a mapping: {rows / ingest[0]:,.0f} rows/s ({ingest[0]:.1f} s, {ingest[1]:.1f} CPU s).")
    lines += [f"First question in a new process: {store['first question']['wall_ms']:.1f} ms. Peak memory of the server: {memory:.0f} MB.", "",
              "Milliseconds a question, wall (p50, p99) and CPU. Many: 10 000 scattered features.", "",
              "| question | in the store p50 | p99 | CPU | over HTTP p50 | p99 | CPU | DuckDB p50 | p99 | CPU |",
              "| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: |"]
    cells = lambda found: [f"{found[k]:,.2f}" for k in ("p50_ms", "p99_ms", "cpu_ms")] if found else ["–"] * 3
    for question in duck:
        lines.append("| " + " | ".join([question, *cells(store.get(question)), *cells(http.get(question)), *cells(duck[question])]) + " |")
        ours, theirs = store[question]["rows"], duck[question]["rows"]
        assert ours == theirs, f"{question}: {ours} rows, DuckDB has {theirs}"
    lines += ["", f"DuckDB {duckdb.__version__}, 2 threads, reading the table's Parquet files; both gave the same number of rows to every question.", ""]
    target = ROOT / "docs/results" / f"series-{options.features * options.observations}.md"
    target.write_text("\n".join(lines))
    say(f"written {target}")


if __name__ == "__main__":
    main()
