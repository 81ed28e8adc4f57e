"""Orders with the client that users of hydroweb.next script with, unmodified, in three versions, each from its own folder."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import requests

from conftest import ROOT, Server, environment, run

VERSIONS = [line.split("==")[1].strip() for line in (ROOT / "tests" / "hydroweb.txt").read_text().splitlines() if "==" in line]
# Made by `make` beside the other packages: the versions do not go into one environment.
CLIENTS = Path(os.environ.get("HYDROWEB_CLIENTS", Path(sys.prefix) / "hydroweb"))
# Where products are, and of when: four along a line, one elsewhere of nearly the date of the second, and one of a year in
# which nothing can have been written into a catalogue.
PRODUCTS = {
    "p-0": ((0, 0), "2024-01-01"), "p-1": ((1, 1), "2024-02-01"), "p-2": ((2, 2), "2024-03-01"), "p-3": ((3, 3), "2024-04-01"),
    "p-far": ((60, 60), "2024-02-10"), "p-old": ((-60, -30), "1995-06-01"),
}
UNDATED = {"datetime": None, "start_datetime": "1900-01-01T00:00:00Z", "end_datetime": "2100-01-01T00:00:00Z"}


def collection(id, **more):
    return {
        "type": "Collection", "stac_version": "1.1.0", "id": id, "title": f"Title of {id}", "description": "A test",
        "license": "CC-BY-4.0", "links": [{"rel": "license", "href": "https://licence.example/by"}],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [[None, None]]}}, **more,
    }


def item(collection, id, position, properties, assets):
    lon, lat = position
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": id, "collection": collection,
        "geometry": {"type": "Point", "coordinates": [lon, lat]}, "bbox": [lon, lat, lon, lat],
        "properties": properties, "links": [], "assets": assets,
    }


def data_asset(href):
    return {"data": {"href": href, "roles": ["data"]}, "look": {"href": "look.png", "roles": ["thumbnail"]}}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A server with files to order: its address and a key."""
    folder = tmp_path_factory.mktemp("orders")
    data, store = folder / "data", folder / "store"
    for made in (data, store):
        made.mkdir()
    (data / "nilometer.toml").write_text(f'[stores.disk]\nkind = "directory"\nroot = "{store}"\n')
    key = run("admin", "key", "create", "--data", data, "--user", "python", "--role", "operator").splitlines()[-1].strip()
    items = {"products": [], "undated": [], "places": [], "closed": []}
    for id, (position, day) in PRODUCTS.items():
        (store / f"{id}.nc").write_bytes(f"product {id}\n".encode() * 100)
        items["products"].append(item("products", id, position, {"datetime": f"{day}T00:00:00Z"}, data_asset(f"{id}.nc")))
    for kind in "ab":
        (store / f"{kind}.txt").write_text(kind)
        items["undated"].append(item("undated", kind, (0, 0), {**UNDATED, "kind": kind}, data_asset(f"{kind}.txt")))
    items["closed"].append(item("closed", "x", (0, 0), UNDATED, data_asset("a.txt")))
    north = item("places", "North", (0, 0), {**UNDATED, "title": "North"}, {})
    north["geometry"] = {"type": "Polygon", "coordinates": [[[1.5, 1.5], [9, 1.5], [9, 9], [1.5, 9], [1.5, 1.5]]]}
    north["bbox"] = [1.5, 1.5, 9, 9]
    items["places"].append(north)
    server = Server(data)
    headers = {"x-api-key": key}
    for id, features in items.items():
        more = {"nilometer:licence_acceptance": True} if id == "closed" else {}
        requests.post(f"{server.url}/collections", json=collection(id, **more), headers=headers, timeout=60).raise_for_status()
        # The oldest product is written last, so that dates and times of writing are in other orders.
        for written in [features[:-1], features[-1:]] if id == "products" else [features]:
            body = {"type": "FeatureCollection", "features": written}
            answer = requests.post(f"{server.url}/collections/{id}/items", json=body, headers=headers, timeout=60)
            assert answer.status_code == 201, answer.text
    yield server.url, key
    server.stop()


def python(version, script, *arguments, **variables):
    """Runs a program with one version of the client; what it printed."""
    packages = CLIENTS / version
    assert packages.is_dir(), f"{packages} is missing: run `make test`, which installs the clients"
    own = {name: value for name, value in environment().items() if name not in ("HYDROWEB_API_KEY", "HYDROWEB_CLIENTS")}
    command = [sys.executable, "-W", "ignore", script, *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env={**own, "PYTHONPATH": str(packages), **variables}, timeout=300)
    assert done.returncode == 0, f"py-hydroweb {version}:\n{done.stdout}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_the_unmodified_client_orders_waits_fetches_and_deletes(shop, version, tmp_path):
    url, key = shop
    steps = Path(__file__).with_name("hydroweb_steps.py")
    assert python(version, str(steps), url, key, str(tmp_path)).endswith("done\n")


def test_generated_programs_fetch_the_basket(shop, tmp_path):
    url, key = shop
    headers = {"x-api-key": key}
    basket = {"selections": [
        {"search": {"collections": ["products"], "bbox": [-0.5, -0.5, 1.5, 1.5]}, "folder": "two"},
        {"collectionId": "undated", "filters": {"query": {"kind": {"eq": "b"}}}},
    ]}
    requests.put(f"{url}/account/basket", json=basket, headers=headers, timeout=60).raise_for_status()
    shared = requests.post(f"{url}/account/basket/share", json={}, headers=headers, timeout=60).json()["href"]
    for address in (f"{url}/account/basket", shared):
        own = headers if address.endswith("basket") else {}
        for kind in ("python", "curl"):
            folder = tmp_path / f"{kind}-{len(address)}"
            folder.mkdir()
            script = folder / "order"
            answer = requests.get(f"{address}/script?kind={kind}", headers=own, timeout=60)
            assert answer.status_code == 200 and key not in answer.text, answer.text
            script.write_text(answer.text.replace("sleep 10", "sleep 0.1"))
            variables = {"HYDROWEB_API_KEY": key}
            if kind == "python":
                quick = folder / "quick.py"
                quick.write_text(
                    "import os, runpy, time\nimport py_hydroweb.client\npy_hydroweb.client.sleep = lambda s: time.sleep(0.05)\n"
                    f"os.chdir({str(folder)!r})\nrunpy.run_path({str(script)!r}, run_name='__main__')\n")
                python(VERSIONS[0], str(quick), **variables)
            else:
                done = subprocess.run(["sh", str(script)], cwd=folder, capture_output=True, text=True, timeout=300,
                                      env={**environment(), **variables})
                assert done.returncode == 0, done.stdout + done.stderr
            (archive,) = folder.glob("*.zip")
            with zipfile.ZipFile(archive) as found:
                assert found.testzip() is None
                names = {name for name in found.namelist() if name.endswith((".nc", "b.txt", "a.txt"))}
            # py-hydroweb names the folder of a collection that is selected once; without a name it is the selection's.
            undated = {"python": "undated/b.txt", "curl": "undated/undated/b.txt"}[kind]
            assert names == {"two/p-0.nc", "two/p-1.nc", undated}, names
