"""pystac-client, as a scientist uses it."""

import warnings

import pystac
import pytest
import requests
from pystac_client import Client, ConformanceClasses

import offline


@pytest.fixture(scope="module", autouse=True)
def no_network():
    """Schemas come from the packages."""
    give_back = offline.install()
    yield
    give_back()


@pytest.fixture(scope="module")
def client(url):
    return Client.open(url)


def listed(search):
    """Collection and id of every item of a search, page after page."""
    return [(item.collection_id, item.id) for item in search.items()]


def test_it_opens_and_knows_what_the_service_can_do(client):
    for conformance in (
        ConformanceClasses.CORE, ConformanceClasses.COLLECTIONS, ConformanceClasses.FEATURES, ConformanceClasses.ITEM_SEARCH,
        ConformanceClasses.FILTER, ConformanceClasses.SORT, ConformanceClasses.FIELDS, ConformanceClasses.QUERY,
        ConformanceClasses.COLLECTION_SEARCH, ConformanceClasses.COLLECTION_SEARCH_FREE_TEXT,
    ):
        assert client.conforms_to(conformance), conformance
    assert [collection.id for collection in client.get_collections()]


def test_every_collection_and_a_page_of_its_items_is_valid_stac(client):
    for collection in client.get_collections():
        collection.validate()
        assert collection.license and collection.extent.spatial.bboxes
        for item in client.search(collections=[collection.id], max_items=20).items():
            item.validate()
            assert isinstance(item, pystac.Item)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_every_item_of_a_large_collection_comes_exactly_once(client, large, method):
    search = client.search(method=method, collections=[large], limit=997)
    items = listed(search)
    assert len(items) == len(set(items)) == search.matched() > 997


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("limit", [1, 37, 130])
def test_every_item_comes_exactly_once(client, passes, method, limit):
    collection, _ = passes
    search = client.search(method=method, collections=[collection], limit=limit)
    items = listed(search)
    assert len(items) == len(set(items)) == search.matched() == 130


def test_pages_in_another_order_hold_the_same_items(client, passes):
    collection, _ = passes
    newest_first = listed(client.search(collections=[collection], limit=250))
    by_id = listed(client.search(collections=[collection], limit=250, sortby="+id"))
    assert sorted(newest_first) == sorted(by_id)
    assert by_id == sorted(by_id)


def test_place_time_condition_and_words_narrow_a_search(client, passes):
    collection, item = passes
    west, south, east, north = item["bbox"]
    moment = item["properties"]["datetime"]
    everything = client.search(collections=[collection]).matched()
    for narrower in (
        {"bbox": [west - 0.01, south - 0.01, east + 0.01, north + 0.01]},
        {"intersects": item["geometry"]},
        {"datetime": moment},
        {"ids": [item["id"]]},
        {"filter": f"id = '{item['id']}'", "filter_lang": "cql2-text"},
        {"filter": {"op": "=", "args": [{"property": "id"}, item["id"]]}, "filter_lang": "cql2-json"},
    ):
        search = client.search(collections=[collection], **narrower)
        found = {id for _, id in listed(search)}
        assert item["id"] in found, narrower
        assert search.matched() == len(found) <= everything, narrower


def test_collections_are_searched_by_the_service(client, passes):
    collection, item = passes
    west, south, east, north = item["bbox"]
    for question in (
        {"q": "test swaths"}, {"q": "nothing of this, swaths test"},
        {"bbox": [west, south, east, north], "q": "test swaths"},
        {"datetime": "2024-02-01T00:00:00Z/2024-03-01T00:00:00Z", "filter_lang": "cql2-text",
         "filter": "license = 'CC0-1.0' AND title = 'Passes'"},
        {"filter_lang": "cql2-json", "filter": {"op": "=", "args": [{"property": "id"}, collection]}},
    ):
        with warnings.catch_warnings():
            # It warns where it has to search by itself.
            warnings.simplefilter("error")
            search = client.collection_search(**question)
            assert [found.id for found in search.collections()] == [collection], question
            assert search.matched() == 1
    everything = [found.id for found in client.collection_search(sortby="-id", limit=3).collections()]
    assert everything == sorted((found.id for found in client.get_collections()), reverse=True)


def test_one_item_is_read_by_its_address(client, passes, url):
    collection, item = passes
    read = client.get_collection(collection).get_item(item["id"])
    assert read.id == item["id"]
    assert read.get_self_href() == f"{url}/collections/{collection}/items/{requests.utils.quote(item['id'], safe='')}"


def test_an_item_of_the_client_is_written_and_read_back(client, url, key):
    headers = {"authorization": f"Bearer {key}"}
    item = pystac.Item("pystac-item", {"type": "Point", "coordinates": [32.9, 23.9]}, [32.9, 23.9, 32.9, 23.9],
                       pystac.utils.str_to_datetime("2024-07-01T00:00:00Z"), {"wse": 182.25})
    collection = pystac.Collection("pystac-made", "Made by a client", pystac.Extent(
        pystac.SpatialExtent([[32, 23, 33, 24]]),
        pystac.TemporalExtent([[pystac.utils.str_to_datetime("2024-01-01T00:00:00Z"), None]])))
    requests.post(f"{url}/collections", json=collection.to_dict(), headers=headers, timeout=60).raise_for_status()
    item.collection_id = collection.id
    answer = requests.post(f"{url}/collections/{collection.id}/items", json=item.to_dict(), headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    read = next(client.search(collections=[collection.id]).items())
    assert (read.id, read.properties["wse"], read.datetime) == (item.id, 182.25, item.datetime)
    gone = requests.delete(f"{url}/collections/{collection.id}", headers=headers, timeout=60)
    assert gone.status_code == 204, gone.text
