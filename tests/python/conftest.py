"""A running server with the demo data, for clients and validators that are not ours."""

import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests

ROOT = Path(__file__).resolve().parents[2]
# The large shared data, where they are there.
SHARED = Path(os.environ.get("NILOMETER_SHARED", ROOT.parent / "shared")) / "data"
# Far above what is normal: only a hang fails.
READY_WITHIN_S = 120


def binary():
    """The binary under test: NILOMETER_BIN, or the one of a development build."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))
    path = Path(os.environ.get("NILOMETER_BIN", target / "debug" / "nilometer"))
    if not path.is_file():
        pytest.exit(f"{path} is missing: run `make build` first, or `make test`", returncode=1)
    return path.resolve()


def environment():
    """The process's environment without the tests' own variables, since the binary refuses unknown ones."""
    return {name: value for name, value in os.environ.items() if name != "NILOMETER_BIN"}


def run(*arguments):
    """Runs one command of the binary; its standard output."""
    done = subprocess.run([binary(), *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL, env=environment())
    assert done.returncode == 0, f"{arguments}: {done.stderr}"
    return done.stdout


class Server:
    """`nilometer serve` on a free port; its log goes to a file beside the data."""

    def __init__(self, data):
        self.log = Path(f"{data}.log")
        with self.log.open("wb") as log:
            command = [binary(), "serve", "--data", data, "--listen", "127.0.0.1:0"]
            self.process = subprocess.Popen(
                command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, env=environment())
        end = time.monotonic() + READY_WITHIN_S
        self.url = None
        while not self._ready():
            assert self.process.poll() is None, f"the server ended:\n{self.text()}"
            assert time.monotonic() < end, f"the server is not ready:\n{self.text()}"
            time.sleep(0.02)

    def _ready(self):
        if self.url is None:
            found = re.search(r"http://127\.0\.0\.1:[1-9]\d*", self.text())
            self.url = found and found[0]
        if self.url is None:
            return False
        try:
            return requests.get(f"{self.url}/readyz", timeout=5).status_code == 200
        except requests.ConnectionError:
            return False

    def text(self):
        return self.log.read_text("utf-8", "replace")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        try:
            code = self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        assert code == 0, f"the server ended with {code}:\n{self.text()}"
        bad = [line for line in self.text().splitlines() if " ERROR " in line or "panicked at" in line]
        assert not bad, "the log is not clean:\n" + "\n".join(bad)


@pytest.fixture(scope="session")
def demo(tmp_path_factory):
    """A folder with the demo data, and nothing else: to be copied."""
    folder = tmp_path_factory.mktemp("demo") / "data"
    run("demo", "--data", folder)
    return folder


@pytest.fixture(scope="session")
def data(demo, tmp_path_factory):
    """A folder with the demo data, which tests add to."""
    return shutil.copytree(demo, tmp_path_factory.mktemp("nilometer") / "data")


@pytest.fixture(scope="session")
def key(data):
    """An operator's key."""
    return run("admin", "key", "create", "--data", data, "--user", "python", "--role", "operator").splitlines()[-1].strip()


@pytest.fixture(scope="session")
def server(data, key):
    """The server."""
    server = Server(data)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def url(server):
    """The server's address, without trailing slash."""
    return server.url


def pass_of(number):
    """One of a series of dated swaths, westward and later with each number."""
    west, south = 20 - number * 0.7, -30 + number * 0.5
    east, north = west + 2, south + 3
    moment = f"2024-{1 + number // 28:02}-{1 + number % 28:02}T{number % 24:02}:30:00Z"
    return {
        "type": "Feature", "stac_version": "1.1.0", "id": f"pass-{number:03}", "collection": "passes",
        "geometry": {"type": "Polygon", "coordinates": [
            [[west, south], [east, south], [east, north], [west, north], [west, south]]]},
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": moment, "title": f"Pass {number} over the river", "platform": "swot" if number % 2 else "s6a",
            "instruments": ["karin"] if number % 2 else ["poseidon-4"], "mission": "altimetry", "eo:cloud_cover": number % 100, "cycle": number // 10,
        },
        "links": [], "assets": {"data": {"href": f"https://data.example/pass-{number:03}.nc", "roles": ["data"]}},
    }


@pytest.fixture(scope="session")
def passes(url, key):
    """A collection of dated, placed items beside the demo's undated places: its id, and one of its items."""
    collection = {
        "type": "Collection", "stac_version": "1.1.0", "id": "passes", "title": "Passes",
        "description": "Swaths of a test", "license": "CC0-1.0", "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2024-01-01T00:00:00Z", None]]}},
    }
    headers = {"authorization": f"Bearer {key}"}
    requests.post(f"{url}/collections", json=collection, headers=headers, timeout=60).raise_for_status()
    features = {"type": "FeatureCollection", "features": [pass_of(number) for number in range(130)]}
    answer = requests.post(f"{url}/collections/passes/items", json=features, headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    return "passes", features["features"][17]


@pytest.fixture(scope="session")
def large(url):
    """The id of the demo's largest collection that a client reads whole in seconds: of less than 10 000 items."""
    collections = requests.get(f"{url}/collections?limit=1000", timeout=60).json()["collections"]
    ids = [collection["id"] for collection in collections]
    sizes = {id: requests.get(f"{url}/collections/{id}/items?limit=1", timeout=60).json()["numberMatched"] for id in ids}
    return max((id for id, size in sizes.items() if size < 10_000), key=sizes.get)
