"""eodag, unmodified: as the provider hydroweb_next, led here by configuration alone, and as any STAC provider."""

import json
from pathlib import Path

import pytest

import offline

# What eodag says of its own code and of jsonpath.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

ROOTS = ["/api/v1/rs-catalog/stac", "/api/catalog/stac"]
STATION = {"collection": "camels-fr-stations", "id": "H010002001"}
ALWAYS = {"start": "1990-01-01", "end": "2100-01-01", "geom": [-180, -90, 180, 90]}


@pytest.fixture(scope="module", autouse=True)
def no_network():
    """Anything but the server under test is out of reach."""
    give_back = offline.install()
    yield
    give_back()


def gateway(folder, root, apikey, **more):
    """An eodag of which these settings are ours: where hydroweb_next is, and the key; and more that a test is about."""
    from eodag import EODataAccessGateway
    from eodag.config import EODAGSettings

    known = folder / "collections.json"
    known.write_text("{}")
    settings = folder / "eodag.yml"
    settings.write_text(json.dumps({"hydroweb_next": {
        "priority": 100, "search": {"api_endpoint": f"{root}/search"},
        "auth": {"matching_url": root, "credentials": {"apikey": apikey}}, **more}}))
    return EODataAccessGateway(settings=EODAGSettings(
        cfg_dir=folder, ext_collections_cfg_uri=str(known), providers_whitelist="hydroweb_next,here"))


def hydroweb_next(folder, root, apikey):
    """eodag with its provider hydroweb_next, which has discovered the collections."""
    dag = gateway(folder, root, apikey)
    dag.update_collections_list(dag.discover_collections(provider="hydroweb_next"))
    return dag


def found(dag, provider, **question):
    return dag.search(provider=provider, collection="passes", raise_errors=True, **{**ALWAYS, **question})


def ids_of(result):
    return [product.properties["id"] for product in result]


def check(dag, provider, item, folder):
    """Collections, pages, one item by its id, and a result kept in a file."""
    assert "passes" in {collection.id for collection in dag.list_collections(provider=provider)}
    first = found(dag, provider, limit=37, count=True)
    assert (len(first), first.number_matched) == (37, 130)
    ids = ids_of(first)
    for page in first.next_page(update=False):
        ids += ids_of(page)
    assert len(ids) == len(set(ids)) == 130

    [one] = dag.search(provider=provider, collection="passes", id=item["id"], raise_errors=True)
    assert one.properties["id"] == item["id"]
    assert one.properties["eo:cloud_cover"] == item["properties"]["eo:cloud_cover"]
    assert list(one.geometry.bounds) == pytest.approx(item["bbox"])
    assert [asset["href"] for asset in one.assets.values()] == [item["assets"]["data"]["href"]]

    kept = dag.serialize(found(dag, provider, limit=20), str(folder / "kept.geojson"))
    again = dag.deserialize(kept)
    assert ids_of(again) == ids[:20]
    return ids


@pytest.mark.parametrize("root", ROOTS)
def test_hydroweb_next_discovers_pages_narrows_and_keeps(url, key, passes, tmp_path, root):
    dag = hydroweb_next(tmp_path, url + root, key)
    item = passes[1]
    ids = check(dag, "hydroweb_next", item, tmp_path)
    assert ids == sorted(ids), "it asks for the order of start_datetime"

    west, south, east, north = item["bbox"]
    for question, expected in [
        ({"start": "2024-02-01", "end": "2024-03-01"}, range(28, 56)),
        ({"platform": "swot"}, range(1, 130, 2)),
        ({"cycle": "4"}, range(40, 50)),
        ({"mission": "none"}, []),
        ({"geom": [west + 0.2, south + 0.2, west + 0.3, south + 0.3]}, None),
    ]:
        got = ids_of(found(dag, "hydroweb_next", limit=200, **question))
        if expected is None:
            assert item["id"] in got and len(got) < 130, question
        else:
            assert got == [f"pass-{number:03}" for number in expected], question


def test_a_plain_provider_discovers_pages_and_keeps(url, key, passes, tmp_path):
    dag = gateway(tmp_path, url, key)
    dag.add_provider("here", search={"type": "StacSearch", "api_endpoint": f"{url}/search"})
    dag.update_collections_list(dag.discover_collections(provider="here"))
    check(dag, "here", passes[1], tmp_path)


@pytest.mark.parametrize("root", ROOTS)
def test_hydroweb_next_downloads_the_series_of_a_station(url, key, tmp_path, root):
    dag = hydroweb_next(tmp_path, url + root, key)
    [station] = dag.search(provider="hydroweb_next", raise_errors=True, **STATION)
    assert [asset["href"].rsplit("/", 1)[1] for asset in station.assets.values()] == ["H010002001.csv", "H010002001.parquet"]
    assert all(asset["href"].startswith(url + root) for asset in station.assets.values())
    folder = Path(dag.download(station, output_dir=str(tmp_path / "out")))
    files = {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert set(files) == {"H010002001.csv", "H010002001.parquet"}
    assert files["H010002001.csv"].startswith(b"feature_id,") and files["H010002001.parquet"].endswith(b"PAR1")
    # A second time nothing is fetched.
    assert Path(dag.download(station, output_dir=str(tmp_path / "out"))) == folder


def test_a_wrong_key_is_an_authentication_error(url, passes, tmp_path, monkeypatch):
    from eodag.utils.exceptions import AuthenticationError

    dag = gateway(tmp_path, url + ROOTS[0], "nil_wrong")
    # It tries four times, each time later: a test need not wait.
    monkeypatch.setattr("urllib3.util.retry.Retry.sleep", lambda self, response=None: None)
    with pytest.raises(AuthenticationError):
        found(dag, "hydroweb_next")


def check_refused(dag, product, folder):
    """A download is refused as unauthenticated, and leaves no file."""
    from eodag.utils.exceptions import AuthenticationError

    with pytest.raises(AuthenticationError, match="HTTP Error 401"):
        dag.download(product, output_dir=str(folder))
    assert [path for path in folder.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("root", ROOTS)
def test_a_download_with_a_wrong_key_is_an_authentication_error_and_leaves_nothing(url, key, tmp_path, root):
    def auth(part, apikey):
        headers = {"X-API-Key": "{apikey}"}
        return {"type": "HTTPHeaderAuth", "matching_url": f"{url}{root}/{part}", "headers": headers, "credentials": {"apikey": apikey}}

    def found_by(name, apikey):
        """An eodag that searches with a right key and downloads with this one, and what it found."""
        (tmp_path / name).mkdir()
        dag = gateway(tmp_path / name, url + root, None, search_auth=auth("search", key), auth=auth("collections", apikey))
        [station] = dag.search(provider="hydroweb_next", raise_errors=True, **STATION)
        assert station.downloader_auth.config.credentials == {"apikey": apikey}
        return dag, station

    check_refused(*found_by("wrong", "nil_wrong"), tmp_path / "out")
    # Nothing else was different.
    dag, station = found_by("right", key)
    dag.download(station, output_dir=str(tmp_path / "out"))
    assert {path.name for path in tmp_path.glob("out/H010002001/*")} == {"H010002001.csv", "H010002001.parquet"}


@pytest.mark.parametrize("root", ROOTS)
def test_without_a_key_there_is_a_search_and_no_download(url, tmp_path, root):
    from eodag.utils.exceptions import MisconfiguredError

    dag = gateway(tmp_path, url + root, None)
    # As hydroweb_next, eodag itself asks for one.
    with pytest.raises(MisconfiguredError, match="no credentials"):
        dag.search(provider="hydroweb_next", raise_errors=True, **STATION)
    # As a plain provider it sends none.
    dag.add_provider("here", search={"type": "StacSearch", "api_endpoint": f"{url}{root}/search"})
    [station] = dag.search(provider="here", raise_errors=True, **STATION)
    assert station.downloader_auth is None and len(station.assets) == 2
    check_refused(dag, station, tmp_path / "out")
