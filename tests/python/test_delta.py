"""The tables of observations, read by programs that know nothing of us: the deltalake package and DuckDB."""

import csv
import io
from pathlib import Path

import duckdb
import pytest
import requests
from deltalake import DeltaTable

COLUMNS = "feature_id, phenomenon_time, discriminator, version"


def tables(data):
    """The tables of the demo, by collection."""
    folders = sorted(p.parent for p in Path(data, "series").glob("*/_delta_log"))
    assert folders, "the demo has observations"
    return folders


def test_every_table_opens_and_holds_each_key_once(data):
    for folder in tables(data):
        table = DeltaTable(folder)
        names = [field.name for field in table.schema().fields]
        assert names[:2] == ["feature_id", "phenomenon_time"], folder
        count, keys = connection(table).execute(f"select count(*), count(distinct ({COLUMNS})) from rows").fetchone()
        assert count == keys > 0, folder


def connection(table):
    """A DuckDB connection that sees the table's rows as `rows`."""
    duck = duckdb.connect()
    duck.register("rows", table.to_pyarrow_dataset())
    return duck


def test_commits_carry_the_sequence_number_of_the_log(data):
    for folder in tables(data):
        versions = DeltaTable(folder).transaction_version("nilometer")
        assert versions is not None and versions > 0, folder


def test_duckdb_reads_the_same_files_as_the_table_names(data):
    for folder in tables(data):
        table = DeltaTable(folder)
        files = table.file_uris()
        what = "select count(*), min(phenomenon_time), max(phenomenon_time) from"
        by_duckdb = duckdb.connect().execute(f"{what} read_parquet({files!r})").fetchone()
        by_delta = connection(table).execute(f"{what} rows").fetchone()
        assert by_duckdb == by_delta, folder


@pytest.mark.parametrize("limit", [3])
def test_the_service_answers_what_the_table_holds(data, url, limit):
    for folder in tables(data):
        duck = connection(DeltaTable(folder))
        features = duck.execute("select feature_id, count(*) from rows group by 1 order by 2 desc, 1 limit ?", [limit]).fetchall()
        for feature, count in features:
            address = f"{url}/collections/{folder.name}/locations/{requests.utils.quote(feature, safe='')}"
            answer = requests.get(address,
                                  params={"f": "CSV", "version": "all"}, timeout=60)
            assert answer.status_code == 200, answer.text
            assert len(list(csv.DictReader(io.StringIO(answer.text)))) == count, (folder.name, feature)
