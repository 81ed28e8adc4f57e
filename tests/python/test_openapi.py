"""The OpenAPI document: valid 3.1, and true of the service."""

import pytest
import requests
from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator


@pytest.fixture(scope="module")
def document(url):
    answer = requests.get(f"{url}/api", headers={"accept": "application/vnd.oai.openapi+json;version=3.1"}, timeout=60)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/vnd.oai.openapi+json")
    return answer.json()


def test_the_document_is_valid_openapi_3_1(document):
    assert document["openapi"].startswith("3.1")
    errors = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in OpenAPIV31SpecValidator(document).iter_errors()]
    assert not errors, "\n".join(errors[:20])


def test_the_same_document_is_valid_openapi_3_0(document, url):
    kind = "application/vnd.oai.openapi+json;version=3.0"
    answer = requests.get(f"{url}/api", headers={"accept": kind}, timeout=60)
    older = answer.json()
    assert answer.headers["content-type"].replace(" ", "") == kind and older["openapi"].startswith("3.0")
    errors = [f"{'/'.join(map(str, error.path))}: {error.message}" for error in OpenAPIV30SpecValidator(older).iter_errors()]
    assert not errors, "\n".join(errors[:20])
    assert older["paths"].keys() == document["paths"].keys()


def test_every_readable_address_of_the_document_answers(document, url, passes):
    collection, item = passes
    values = {"collectionId": collection, "collection_id": collection, "collection": collection,
              "itemId": item["id"], "item_id": item["id"], "item": item["id"], "featureId": item["id"]}
    asked = 0
    for path, methods in document["paths"].items():
        names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
        # A concrete collection's path has no item of another one.
        elsewhere = names and path.startswith("/collections/") and path.split("/")[2] not in (collection, "{" + names[0] + "}")
        if "get" not in methods or elsewhere or any(name not in values for name in names):
            continue
        for name in names:
            path = path.replace("{" + name + "}", requests.utils.quote(values[name], safe=""))
        status = requests.get(f"{url}{path}", headers={"accept": "application/json"}, timeout=60).status_code
        # A parameter may be required (since=, aggregations=), or an account: then the refusal is the answer.
        needs_account = path.startswith(("/account", "/admin", "/sign-out", "/api/download", "/orders")) or "/assets/" in path
        assert status in ((200, 400, 401) if needs_account else (200, 400)), f"{path}: {status}"
        asked += status == 200
    assert asked >= 8


def test_the_address_of_the_document_is_named_on_the_landing_page(url):
    links = requests.get(url, headers={"accept": "application/json"}, timeout=60).json()["links"]
    named = [link for link in links if link["rel"] == "service-desc"]
    assert len(named) == 2
    for link in named:
        answer = requests.get(link["href"], headers={"accept": link["type"]}, timeout=60)
        assert answer.headers["content-type"].replace(" ", "") == link["type"].replace(" ", "")
