"""OGC API Features by clients that are not ours: GDAL's OAPIF driver through pyogrio, and OWSLib."""

import pyogrio
import pytest
import requests
from owslib.ogcapi.features import Features

CRS = "http://www.opengis.net/def/crs"


@pytest.fixture(scope="module")
def source(url):
    return f"OAPIF:{url}"


def rows(source, collection, **question):
    """A layer as a table, and what GDAL says of it."""
    return pyogrio.read_arrow(source, layer=collection, **question)


def test_gdal_lists_every_collection(source, url, passes):
    listed = {name for name, _ in pyogrio.list_layers(source)}
    known = requests.get(f"{url}/collections", timeout=60).json()["collections"]
    assert listed == {collection["id"] for collection in known}


def test_gdal_reads_a_layer_page_by_page(source, url, large):
    about, table = rows(source, large)
    matched = requests.get(f"{url}/collections/{large}/items?limit=1", timeout=60).json()["numberMatched"]
    ids = table.column("id").to_pylist()
    assert len(ids) == len(set(ids)) == matched > 1_000
    assert about["crs"]


def test_gdal_takes_pages_as_large_as_the_service_offers(source, passes, server):
    before = server.text().count("/collections/{collection}/items")
    rows(source, passes[0])
    asked = server.text().count("/collections/{collection}/items") - before
    assert 1 <= asked <= 3, f"130 items in {asked} requests"


def test_gdal_filters_by_place_and_condition(source, passes):
    collection, item = passes
    west, south, east, north = item["bbox"]
    _, here = rows(source, collection, bbox=(west + 0.1, south + 0.1, west + 0.2, south + 0.2))
    assert item["id"] in here.column("id").to_pylist() and here.num_rows < 130
    _, some = rows(source, collection, where="platform = 'swot' AND cycle < 3")
    assert sorted(some.column("id").to_pylist()) == [f"pass-{number:03}" for number in range(1, 30, 2)]


def test_owslib_reads_pages_items_schemas_and_queryables(url, passes):
    collection, item = passes
    features = Features(f"{url}/")
    assert collection in features.feature_collections()
    assert any("ogcapi-features-1" in uri for uri in features.conformance()["conformsTo"])
    first = features.collection_items(collection, limit=7)
    assert (first["numberMatched"], first["numberReturned"]) == (130, 7)
    west, south, east, north = item["bbox"]
    found = features.collection_items(collection, bbox=[west, south, east, north], limit=200)
    assert item["id"] in {feature["id"] for feature in found["features"]}
    found = features.collection_items(collection, filter=f"id = '{item['id']}'")
    assert [feature["id"] for feature in found["features"]] == [item["id"]]
    assert features.collection_item(collection, item["id"])["properties"]["title"] == item["properties"]["title"]
    assert "cycle" in features.collection_queryables(collection)["properties"]


def test_positions_in_another_system_are_those_that_pyproj_computes(url, passes):
    from pyproj import Transformer

    collection, item = passes
    address = f"{url}/collections/{collection}/items/{item['id']}"
    [ring] = item["geometry"]["coordinates"]
    for code in (4326, 3857):
        answer = requests.get(address, params={"crs": f"{CRS}/EPSG/0/{code}"}, timeout=60)
        assert answer.headers["content-crs"] == f"<{CRS}/EPSG/0/{code}>"
        project = Transformer.from_crs("OGC:CRS84", f"EPSG:{code}").transform
        [got] = answer.json()["geometry"]["coordinates"]
        for position, (longitude, latitude) in zip(got, ring, strict=True):
            assert position == pytest.approx(project(longitude, latitude), abs=1e-6)
