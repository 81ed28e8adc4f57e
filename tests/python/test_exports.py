"""Whole results as files: geoparquet-validator judges them; DuckDB, GeoPandas, rustac, pyarrow and csv read them."""

import csv
import io
import json
import subprocess
import sys
from datetime import datetime
from pathlib import Path

import duckdb
import geopandas
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
import rustac
from shapely import from_wkb, from_wkt, get_type_id
from shapely.geometry import shape

COLUMNS = ("id", "collection", "stac_version", "stac_extensions", "geometry", "bbox", "links", "assets")


@pytest.fixture(scope="module", params=["passes", "hydat-stations", "lakes", "everything"])
def question(request, url, passes):
    """The path of a download, and the items as the pages give them: dated ones, points, shapes, and all kinds together."""
    if request.param == "everything":
        path, pages = "/search/export?ids={}", f"{url}/search?limit=1000"
        first = requests.get(f"{url}/collections?limit=1000", timeout=60).json()["collections"]
        ids = []
        for collection in first:
            page = requests.get(f"{url}/collections/{collection['id']}/items?limit=3", timeout=60).json()
            ids += [feature["id"] for feature in page["features"]]
        ids = ",".join(sorted({id for id in ids if "," not in id}))
        return path.format(requests.utils.quote(ids, safe=",")) + "&", items(f"{pages}&ids={requests.utils.quote(ids, safe=',')}")
    return f"/collections/{request.param}/export?", items(f"{url}/collections/{request.param}/items?limit=1000")


def items(page):
    """All items, page by page."""
    found = []
    while page:
        answer = requests.get(page, timeout=60)
        assert answer.status_code == 200, answer.text
        found += answer.json()["features"]
        page = next((link["href"] for link in answer.json()["links"] if link["rel"] == "next"), None)
    return found


@pytest.fixture(scope="module")
def download(url, question, tmp_path_factory):
    """A file of each format, downloaded once."""
    folder = tmp_path_factory.mktemp("downloads")

    def of(format):
        path = folder / f"items.{format}"
        if not path.exists():
            answer = requests.get(f"{url}{question[0]}f={format}", timeout=120)
            assert answer.status_code == 200, answer.text
            path.write_bytes(answer.content)
        return path

    return of


def moment(text):
    return text and datetime.fromisoformat(text)


def validated(file):
    validator = Path(sys.executable).with_name("geoparquet-validator")
    done = subprocess.run([validator, "check", file], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_geoparquet_validator_finds_nothing_wrong(download):
    validated(download("geoparquet"))


def test_a_table_of_items_without_any_geometry_says_nothing_of_where_they_are(url, tmp_path):
    file = tmp_path / "items.parquet"
    answer = requests.get(f"{url}/collections/swot-granules-seen/export?f=geoparquet", timeout=120)
    file.write_bytes(answer.content)
    column = json.loads(pq.ParquetFile(file).metadata.metadata[b"geo"])["columns"]["geometry"]
    assert column["geometry_types"] == [] and not {"bbox", "covering"} & column.keys()
    assert {row["geometry"] for row in pq.read_table(file, columns=["geometry"]).to_pylist()} == {None}


def test_the_parquet_file_is_stac_geoparquet_and_holds_every_item(question, download):
    file = pq.ParquetFile(download("geoparquet"))
    metadata = {key.decode(): json.loads(value) for key, value in file.metadata.metadata.items() if key in (b"geo", b"stac-geoparquet")}
    assert metadata["stac-geoparquet"]["version"] == "1.1.0"
    assert metadata["stac-geoparquet"]["collections"].keys() == {item["collection"] for item in question[1]}
    table = file.read()
    assert set(COLUMNS) <= set(table.column_names)
    rows = table.to_pylist()
    assert [row["id"] for row in rows] == [item["id"] for item in question[1]]
    assert table.schema.field("datetime").type == pa.timestamp("us", "UTC")
    for row, item in zip(rows, question[1]):
        assert row["datetime"] == moment(item["properties"]["datetime"])
        assert row["collection"] == item["collection"] and row["stac_version"] == item["stac_version"]
        assert [link["href"] for link in row["links"]] == [link["href"] for link in item["links"]]
        assert (row["geometry"] is None) == (item["geometry"] is None)
        if item["geometry"]:
            assert from_wkb(row["geometry"]).equals_exact(shape(item["geometry"]))
            west, south, east, north = from_wkb(row["geometry"]).bounds
            assert row["bbox"] == {"xmin": west, "ymin": south, "xmax": east, "ymax": north}
        for name, value in item["properties"].items():
            if name.endswith("datetime") or name in ("created", "updated", "ingested"):
                continue
            check(row[f"properties.{name}" if name in (*COLUMNS, "type") else name], value, table.schema, name)


def check(got, value, schema, name):
    """A value of a column as the value that it was: what is of several types stands there as JSON."""
    field = schema.field(name) if name in schema.names else schema.field(f"properties.{name}")
    if value is not None and (field.metadata or {}).get(b"nilometer:encoding") == b"json":
        got = json.loads(got)
    if isinstance(value, dict):
        assert {key: part for key, part in got.items() if part is not None}.keys() <= value.keys()
    else:
        assert got == value, name


def test_duckdb_reads_the_parquet_file(question, download):
    file = str(download("geoparquet"))
    with duckdb.connect() as db:
        found = db.execute("SELECT id, collection, bbox.xmin FROM read_parquet(?)", [file]).fetchall()
        assert [row[0] for row in found] == [item["id"] for item in question[1]]
        since = db.execute("SELECT count(*) FROM read_parquet(?) WHERE datetime >= '2024-02-01T00:00:00Z'", [file]).fetchone()
    expected = [item for item in question[1] if (item["properties"]["datetime"] or "") >= "2024-02-01T00:00:00Z"]
    assert since == (len(expected),)


def test_geopandas_reads_the_parquet_file_and_a_part_of_it_by_its_box(question, download):
    frame = geopandas.read_parquet(download("geoparquet"))
    assert list(frame["id"]) == [item["id"] for item in question[1]]
    assert frame.crs == "OGC:CRS84"
    placed = [item for item in question[1] if item["geometry"]]
    assert list(frame[~frame.geometry.isna()].geometry.geom_type) == [item["geometry"]["type"] for item in placed]
    west, south, east, north = shape(placed[0]["geometry"]).bounds
    part = geopandas.read_parquet(download("geoparquet"), bbox=(west, south, east, north))
    assert placed[0]["id"] in list(part["id"])


def test_rustac_reads_the_items_back(url, question, tmp_path):
    # It reads no rows without a geometry.
    path, placed = tmp_path / "items.parquet", [item for item in question[1] if item["geometry"]]
    answer = requests.get(f"{url}{question[0]}f=geoparquet&filter=geometry IS NOT NULL", timeout=120)
    path.write_bytes(answer.content)
    features = rustac.read_sync(str(path))["features"]
    assert [feature["id"] for feature in features] == [item["id"] for item in placed]
    for feature, item in zip(features, placed):
        assert feature["type"] == "Feature" and feature["collection"] == item["collection"]
        assert shape(feature["geometry"]).equals(shape(item["geometry"]))
        assert (feature.get("assets") or {}).keys() >= item["assets"].keys()
        assert moment(feature["properties"].get("datetime")) == moment(item["properties"]["datetime"])
        assert feature["properties"].get("title") == item["properties"].get("title")


def test_the_arrow_stream_holds_the_same_table(download):
    stream = pa.ipc.open_stream(download("arrow").read_bytes()).read_all()
    table = pq.read_table(download("geoparquet"))
    assert stream.schema.field("geometry").metadata[b"ARROW:extension:name"] == b"geoarrow.wkb"
    assert stream.column_names == table.column_names
    assert stream.replace_schema_metadata(None).cast(table.schema.remove_metadata()).equals(table.replace_schema_metadata(None))
    frame = geopandas.GeoDataFrame.from_arrow(stream)
    assert len(frame) == len(table) and str(frame.crs) == "OGC:CRS84"


def test_csv_holds_every_value_as_text(question, download):
    csv.field_size_limit(1 << 30)
    header, *rows = csv.reader(io.StringIO(download("csv").read_bytes().decode(), newline=""), strict=True)
    assert [row[0] for row in rows] == [item["id"] for item in question[1]]
    at = {name: place for place, name in enumerate(header)}
    for row, item in zip(rows, question[1]):
        text = row[at["geometry"]]
        assert bool(text) == bool(item["geometry"])
        if text:
            assert from_wkt(text).equals(shape(item["geometry"])) and get_type_id(from_wkt(text)) >= 0
        for name, value in item["properties"].items():
            cell = row[at[f"properties.{name}" if f"properties.{name}" in at else name]]
            if isinstance(value, (dict, list)):
                assert json.loads(cell) == value
            elif isinstance(value, str):
                assert cell.removeprefix("'") == value.removeprefix("'")
            else:
                assert json.loads(cell or "null") == value


def test_lines_and_the_collection_are_the_items_themselves(question, download):
    assert [json.loads(line) for line in download("ndjson").read_text().splitlines()] == question[1]
    whole = json.loads(download("geojson").read_bytes())
    assert whole["features"] == question[1] and whole["numberMatched"] == whole["numberReturned"] == len(question[1])


def test_a_download_can_be_written_at_the_command_line(data, url, passes, tmp_path):
    from conftest import binary, environment
    path = tmp_path / "lakes.parquet"
    with path.open("wb") as out:
        command = [binary(), "search", "--data", data, "--collections", "lakes", "--format", "geoparquet"]
        subprocess.run(command, stdout=out, check=True, env=environment(), stdin=subprocess.DEVNULL)
    expected = items(f"{url}/collections/lakes/items?limit=1000")
    assert pq.read_table(path, columns=["id"])["id"].to_pylist() == [item["id"] for item in expected]
    refused = subprocess.run([binary(), "search", "--data", data, "--format", "xls"], capture_output=True, text=True, env=environment())
    assert refused.returncode != 0 and "geojson, ndjson, csv, geoparquet, arrow" in refused.stderr
