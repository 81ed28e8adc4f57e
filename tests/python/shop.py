"""A server with files to order, and orders of them by plain requests."""

import io
import json
import re
import time
import zipfile
from pathlib import Path

import requests

from conftest import Server, run

UNDATED = {"datetime": None, "start_datetime": "1900-01-01T00:00:00Z", "end_datetime": "2100-01-01T00:00:00Z"}
# What each folder of an archive has beside its files.
DOCUMENTS = ("manifest.json", "LICENCE.txt", "CITATION.txt")
# Far above what an order takes: only a hang fails.
READY_WITHIN_S = 240


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


def zip_shapefile(frame, path, missing=b" "):
    """Writes a GeoDataFrame as a zipped shapefile by GDAL; its marks of missing numbers become those of granules."""
    folder = path.with_suffix("")
    folder.mkdir()
    frame.to_file(folder / f"{path.stem}.shp", engine="pyogrio")
    table = folder / f"{path.stem}.dbf"
    whole = table.read_bytes()
    # Where the rows begin, which a header may well hold as an asterisk.
    begin = int.from_bytes(whole[8:10], "little")
    rows = re.sub(rb"\*+", lambda mark: missing * len(mark[0]), whole[begin:])
    table.write_bytes(whole[:begin] + rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in sorted(folder.iterdir()):
            archive.write(part, part.name)


class Shop:
    """A server, the folder in which its files lie, and an operator's key."""

    def __init__(self, folder):
        data, self.store = folder / "data", folder / "store"
        for made in (data, self.store):
            made.mkdir()
        (data / "nilometer.toml").write_text(f'[stores.disk]\nkind = "directory"\nroot = "{self.store}"\n')
        made = run("admin", "key", "create", "--data", data, "--user", "python", "--role", "operator")
        self.key = made.splitlines()[-1].strip()
        self.headers = {"x-api-key": self.key}
        self.server = Server(data)
        self.url = self.server.url

    def fill(self, id, *groups, **more):
        """Makes a collection and writes items into it, group after group."""
        made = requests.post(f"{self.url}/collections", json=collection(id, **more), headers=self.headers, timeout=60)
        made.raise_for_status()
        for features in groups:
            body = {"type": "FeatureCollection", "features": features}
            answer = requests.post(f"{self.url}/collections/{id}/items", json=body, headers=self.headers, timeout=60)
            assert answer.status_code == 201, answer.text

    def order(self, selections, **more):
        """Places an order and waits until all of it is ready; its id."""
        workflows = f"{self.url}/api/download/workflows"
        answer = requests.post(workflows, json={"selections": selections, **more}, headers=self.headers, timeout=60)
        assert answer.status_code == 201, answer.text
        id, end = answer.json()["workflowId"], time.monotonic() + READY_WITHIN_S
        while True:
            status = requests.get(f"{workflows}/{id}/status", headers=self.headers, timeout=60).json()
            if status["status"] not in ("CREATED", "RUNNING"):
                assert status["status"] == "COMPLETED" and not status.get("message"), status
                return id
            assert time.monotonic() < end, f"the order does not end: {status}"
            time.sleep(0.05)

    def files(self, id):
        """The files of an order's archive, without the documents about them, by path."""
        answer = requests.get(f"{self.url}/api/download/workflows/{id}/zip", headers=self.headers, timeout=300)
        assert answer.status_code == 200, answer.text
        return files_of(io.BytesIO(answer.content))


def files_of(archive):
    """The files of an archive, by path; its documents must be there, and miss nothing."""
    with zipfile.ZipFile(archive) as found:
        files = {name: found.read(name) for name in found.namelist()}
    folders = {str(Path(name).parent) for name in files}
    for folder in folders:
        documents = {name: files.pop(f"{folder}/{name}") for name in DOCUMENTS}
        assert json.loads(documents["manifest.json"])["missing"] == [], documents["manifest.json"]
    return files
