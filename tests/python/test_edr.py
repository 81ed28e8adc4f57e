"""OGC API EDR: OWSLib as client, covjson-pydantic and edr-pydantic as validators, pyarrow as reader."""

import csv
import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import requests
from covjson_pydantic.coverage import Coverage, CoverageCollection
from edr_pydantic.collections import Collection
from owslib.ogcapi.edr import EnvironmentalDataRetrieval

# Members of EDR: a STAC collection has others beside them, which edr-pydantic forbids.
COLLECTION_MEMBERS = Collection.model_fields.keys()
LINK_MEMBERS = ("href", "rel", "type", "title", "hreflang")


def get(url, **parameters):
    return requests.get(url, params={name.replace("_", "-"): value for name, value in parameters.items()}, timeout=60)


def observed(url):
    """The collections with observations."""
    collections = requests.get(f"{url}/collections?limit=1000", timeout=60).json()["collections"]
    return [collection for collection in collections if collection["parameter_names"]]


@pytest.fixture(scope="module")
def collection(url):
    """Gauges with daily values, all of them points."""
    return next(found for found in observed(url) if found["id"] == "camels-fr-stations")


@pytest.fixture(scope="module")
def base(url, collection):
    return f"{url}/collections/{collection['id']}"


@pytest.fixture(scope="module")
def locations(base):
    """Up to three locations that are points."""
    features = get(f"{base}/locations", limit=50).json()["features"]
    points = [feature for feature in features if feature["geometry"] and feature["geometry"]["type"] == "Point"]
    assert len(points) > 2
    return points[:3]


def validate(body):
    """A document as the model of its type."""
    model = CoverageCollection if json.loads(body)["type"] == "CoverageCollection" else Coverage
    return model.model_validate_json(body)


def edr_view(collection):
    """A collection as a client of EDR sees it: without the members of STAC."""
    view = {name: value for name, value in collection.items() if name in COLLECTION_MEMBERS}
    view["links"] = [{name: link[name] for name in LINK_MEMBERS if name in link} for link in collection["links"]]
    return view


def test_every_collection_with_a_known_period_is_valid_edr(url):
    collections = requests.get(f"{url}/collections?limit=1000", timeout=60).json()["collections"]
    checked = 0
    for collection in collections:
        assert collection["data_queries"] and collection["crs"] and collection["output_formats"]
        view = edr_view(collection)
        if any(end is None for interval in view["extent"]["temporal"]["interval"] for end in interval):
            # The model has no open ends; the standard has.
            del view["extent"]["temporal"]
        Collection.model_validate_json(json.dumps(view))
        checked += 1
    assert checked


def test_the_locations_are_described_as_the_standard_asks(base, locations):
    answer = get(f"{base}/locations", limit=1)
    assert answer.headers["content-type"].startswith("application/geo+json")
    page = answer.json()
    assert page["numberMatched"] >= len(locations) and page["numberReturned"] == 1
    for location in locations:
        assert {"datetime", "parameter-name", "label", "edrqueryendpoint"} <= location["properties"].keys()
        assert get(location["properties"]["edrqueryendpoint"]).status_code in (200, 204)


def test_coverages_are_valid(base, locations):
    one = get(f"{base}/locations/{locations[0]['id']}")
    assert one.headers["content-type"].startswith("application/vnd.cov+json")
    validate(one.text)
    several = get(f"{base}/locations/{','.join(location['id'] for location in locations)}")
    assert isinstance(validate(several.text), CoverageCollection)


def test_statistics_are_valid_coverages_with_their_counts(base, collection, locations):
    numbers = [name for name, parameter in collection["parameter_names"].items() if parameter.get("unit")]
    assert numbers, "no parameter has a unit"
    answer = get(f"{base}/locations/{locations[0]['id']}", resample="P1M", method="mean,max", parameter_name=numbers[0])
    assert answer.status_code == 200, answer.text
    validate(answer.text)
    ranges = answer.json()["ranges"]
    assert f"count_{numbers[0]}_P1M" in ranges and all(isinstance(n, int) for n in ranges[f"count_{numbers[0]}_P1M"]["values"])


def test_owslib_reads_locations_positions_and_areas(url, collection, locations):
    client = EnvironmentalDataRetrieval(f"{url}/")
    assert collection["id"] in client.data()
    longitude, latitude = locations[0]["geometry"]["coordinates"][:2]
    listed = client.query_data(collection["id"], "locations")
    assert listed["type"] == "FeatureCollection"
    name = next(iter(collection["parameter_names"]))
    near = client.query_data(collection["id"], "position", coords=f"POINT({longitude} {latitude})", parameter_names=[name])
    first = near["coverages"][0] if near["type"] == "CoverageCollection" else near
    assert first["nilometer:feature"]["distance_m"] < 10_000
    west, south, east, north = longitude - 0.1, latitude - 0.1, longitude + 0.1, latitude + 0.1
    # Clockwise, as the conformance suite sends it.
    ring = f"{west} {south},{west} {north},{east} {north},{east} {south},{west} {south}"
    assert client.query_data(collection["id"], "area", coords=f"POLYGON(({ring}))")["type"].startswith("Coverage")
    assert client.query_data(collection["id"], "cube", bbox=[west, south, east, north])["type"].startswith("Coverage")


def cells(rows):
    """Rows as texts of CSV, numbers as numbers."""
    def cell(value):
        try:
            return float(value)
        except (TypeError, ValueError):
            return value or ""
    return [[cell(value) for value in row] for row in rows]


def test_all_formats_hold_the_same_values(base, locations):
    address = f"{base}/locations/{locations[0]['id']}"
    header, *rows = csv.reader(io.StringIO(get(address, f="CSV").text))
    parquet = pq.read_table(io.BytesIO(get(address, f="Parquet").content))
    arrow = pa.ipc.open_stream(get(address, f="Arrow").content).read_all()
    assert parquet.column_names == header and arrow.equals(parquet)
    table = [[value.strftime("%Y-%m-%dT%H:%M:%S") if name == "phenomenon_time" else value for name, value in row.items()]
             for row in arrow.to_pylist()]
    seconds = [[value[:19] if at == 1 else value for at, value in enumerate(row)] for row in rows]
    assert cells(seconds) == cells(table)
    features = get(address, f="GeoJSON").json()["features"]
    assert [feature["properties"]["datetime"] for feature in features] == [row[1] for row in rows]
    for field in arrow.schema:
        if field.name in requests.get(base, timeout=60).json()["parameter_names"]:
            assert field.metadata is not None


def test_no_data_and_wrong_questions_have_their_status(base, locations):
    address = f"{base}/locations/{locations[0]['id']}"
    assert get(address, datetime="1700-01-01/1700-12-31").status_code == 204
    assert get(f"{base}/locations/no-such-location").status_code == 404
    for parameters in ({"f": "NetCDF"}, {"crs": "EPSG:2154"}, {"datetime": "never"}, {"parameter-name": "no such name"}):
        answer = requests.get(address, params=parameters, timeout=60)
        assert answer.status_code == 400 and answer.headers["content-type"].startswith("application/problem+json")
    for query in ("position", "position?coords=", "position?coords=POINT()", "area?coords=POLYGON()", "radius", "cube"):
        assert requests.get(f"{base}/{query}", timeout=60).status_code == 400, query
