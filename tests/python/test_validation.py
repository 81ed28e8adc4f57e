"""What the service refuses when items are written, against the schemas that the specification publishes (kept in pystac)."""

import json

import pystac
import pystac.validation
import pytest
import requests
from pystac.errors import STACValidationError

import offline

VALUES = [
    None, True, 0, -1, 2.5, 100, "", "text", "two words", "2024-01-01T00:00:00Z", "2024-01-01T00:00:00+00:00",
    "2024-01-01T00:00:00+02:00", "2024-01-01", [], ["text"], [1], {}, {"name": "a"}, [{"name": "a"}], [{"name": ""}],
    [{"name": "a", "roles": ["host"]}], [{"name": "a", "roles": ["owner"]}], {"minimum": 1, "count": 2}, {"count": -1}, {"mean": "1"},
    "float32", "nan", "CC-BY-4.0",
]
FIELDS = [
    "title", "description", "keywords", "created", "updated", "license", "providers", "platform", "constellation", "mission",
    "instruments", "gsd", "unit", "data_type", "nodata", "statistics", "roles", "own:field",
]
POINTERS = [("properties", name) for name in [*FIELDS, "bands"]] + [
    ("assets", "data", name) for name in [*FIELDS, "href", "type", "bands"]
] + [("links", 0, name) for name in ["href", "rel", "type", "title", "method", "headers"]]


@pytest.fixture(scope="module", autouse=True)
def no_network():
    give_back = offline.install()
    yield
    give_back()


def base(number):
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": f"checked-{number}", "collection": "checked", "bbox": [1, 2, 1, 2],
        "geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {"datetime": "2024-01-01T00:00:00Z"},
        "links": [{"rel": "via", "href": "https://source.example/a"}, {"rel": "collection", "href": "https://source.example"}],
        "assets": {"data": {"href": "https://data.example/a.nc"}},
    }


def changed():
    """Items with one member changed, each with the pointer of that."""
    for pointer in POINTERS:
        for value in VALUES:
            if pointer[-1] == "href" and isinstance(value, str) and {" ", ":"} & set(value):
                continue  # pystac does not look whether an address is one
            item = base(0)
            place = item
            for step in pointer[:-1]:
                place = place[step]
            place[pointer[-1]] = value
            yield "/" + "/".join(map(str, pointer)), item


def is_stac(item):
    try:
        pystac.validation.validate_dict(item, pystac.STACObjectType.ITEM, "1.1.0", [])
    except STACValidationError:
        return False
    return True


def test_items_are_refused_as_the_specification_does(url, key):
    session = requests.Session()
    session.headers["authorization"] = f"Bearer {key}"
    session.post(f"{url}/collections", json={"id": "checked"}, timeout=60).raise_for_status()
    tried = list(changed())
    lines = [json.dumps(item | {"id": f"checked-{number}"}) for number, (_, item) in enumerate(tried)]
    try:
        answer = session.post(f"{url}/collections/checked/items", data="\n".join(lines).encode(),
                              headers={"content-type": "application/x-ndjson"}, timeout=120)
        report = answer.json()
        assert answer.status_code == 200 and report["received"] == len(tried), answer.text
        reasons = {line["line"] - 1: line["reason"] for line in report["rejected"]}
        assert len(reasons) == report["rejectedCount"] > 300
        for number, (pointer, item) in enumerate(tried):
            assert (number not in reasons) == is_stac(item), f"{pointer}: {item} {reasons.get(number)}"
            assert number not in reasons or pointer in reasons[number], f"{pointer}: {reasons[number]}"
    finally:
        session.delete(f"{url}/collections/checked", timeout=60)
