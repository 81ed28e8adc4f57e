"""Orders with the client that users of hydroweb.next script with, unmodified, in three versions, each from its own folder."""

import io
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import geopandas
import pyarrow.parquet as pq
import pytest
import requests
from shapely import Point, from_wkb

from conftest import ROOT, environment
from shop import UNDATED, Shop, data_asset, files_of, item, zip_shapefile

VERSIONS = [line.split("==")[1].strip() for line in (ROOT / "tests" / "hydroweb.txt").read_text().splitlines() if "==" in line]
# Made by `make` beside the other packages: the versions do not go into one environment.
CLIENTS = Path(os.environ.get("HYDROWEB_CLIENTS", Path(sys.prefix) / "hydroweb"))
# Where products are, and of when: four along a line, one elsewhere of nearly the date of the second, and one of a year in
# which nothing can have been written into a catalogue.
PRODUCTS = {
    "p-0": ((0, 0), "2024-01-01"), "p-1": ((1, 1), "2024-02-01"), "p-2": ((2, 2), "2024-03-01"), "p-3": ((3, 3), "2024-04-01"),
    "p-far": ((60, 60), "2024-02-10"), "p-old": ((-60, -30), "1995-06-01"),
}
# Three reaches; the second has no level.
REACHES = geopandas.GeoDataFrame({
    "reach_id": ["23214400101", "23214400111", "23214400121"],
    "time_str": ["2024-01-01T00:00:00Z", "2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"],
    "wse": [10.5, None, 12.25], "width": [100.0, 200.0, 300.0],
}, geometry=[Point(1, 45), Point(2, 45), Point(30, 45)], crs=4326)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A server with files to order."""
    shop = Shop(tmp_path_factory.mktemp("orders"))
    store = shop.store
    products = []
    for id, (position, day) in PRODUCTS.items():
        (store / f"{id}.nc").write_bytes(f"product {id}\n".encode() * 100)
        products.append(item("products", id, position, {"datetime": f"{day}T00:00:00Z"}, data_asset(f"{id}.nc")))
    # The oldest product is written last, so that dates and times of writing are in other orders.
    shop.fill("products", products[:-1], products[-1:])
    undated = []
    for kind in "ab":
        (store / f"{kind}.txt").write_text(kind)
        undated.append(item("undated", kind, (0, 0), {**UNDATED, "kind": kind}, data_asset(f"{kind}.txt")))
    shop.fill("undated", undated)
    north = item("places", "North", (0, 0), {**UNDATED, "title": "North"}, {})
    north["geometry"] = {"type": "Polygon", "coordinates": [[[1.5, 1.5], [9, 1.5], [9, 9], [1.5, 9], [1.5, 1.5]]]}
    north["bbox"] = [1.5, 1.5, 9, 9]
    shop.fill("places", [north])
    closed = item("closed", "x", (0, 0), UNDATED, data_asset("a.txt"))
    shop.fill("closed", [closed], **{"nilometer:licence_acceptance": True})
    zip_shapefile(REACHES, store / "reaches.zip")
    shop.fill("reaches", [item("reaches", "all", (1, 45), UNDATED, data_asset("reaches.zip"))])
    yield shop
    shop.server.stop()


def attempt(version, script, *arguments, **variables):
    """Runs a program with one version of the client."""
    packages = CLIENTS / version
    assert packages.is_dir(), f"{packages} is missing: run `make test`, which installs the clients"
    own = {name: value for name, value in environment().items() if name not in ("HYDROWEB_API_KEY", "HYDROWEB_CLIENTS")}
    command = [sys.executable, "-W", "ignore", script, *arguments]
    return subprocess.run(
        command, capture_output=True, text=True, env={**own, "PYTHONPATH": str(packages), **variables}, timeout=300)


def python(version, script, *arguments, **variables):
    """The same, which must end well; what it printed."""
    done = attempt(version, script, *arguments, **variables)
    assert done.returncode == 0, f"py-hydroweb {version}:\n{done.stdout}\n{done.stderr[-4000:]}"
    return done.stdout


@pytest.mark.parametrize("version", VERSIONS)
def test_the_unmodified_client_orders_waits_fetches_and_deletes(shop, version, tmp_path):
    steps = Path(__file__).with_name("hydroweb_steps.py")
    assert python(version, str(steps), shop.url, shop.key, str(tmp_path)).endswith("done\n")


def program(shop, address, kind, headers):
    """A program as the service generates it, which holds no key."""
    answer = requests.get(f"{address}/script?kind={kind}", headers=headers, timeout=60)
    assert answer.status_code == 200 and shop.key not in answer.text, answer.text
    return answer.text


def started(kind, text, folder, key, version=VERSIONS[0]):
    """Runs a program in a folder of its own, which may be there already; only its waits are shortened."""
    folder.mkdir(exist_ok=True)
    script = folder / "order"
    script.write_text(text.replace("sleep 10", "sleep 0.1"))
    if kind == "curl":
        variables = {**environment(), "HYDROWEB_API_KEY": key}
        return subprocess.run(["sh", "order"], cwd=folder, capture_output=True, text=True, timeout=300, env=variables)
    quick = folder / "quick.py"
    quick.write_text(
        "import os, runpy, time\nimport py_hydroweb.client\npy_hydroweb.client.sleep = lambda s: time.sleep(0.05)\n"
        f"os.chdir({str(folder)!r})\nrunpy.run_path({str(script)!r}, run_name='__main__')\n")
    return attempt(version, str(quick), HYDROWEB_API_KEY=key)


def fetched(kind, text, folder, key, version=VERSIONS[0]):
    """The archive that a program leaves, whose name is the last that it prints."""
    done = started(kind, text, folder, key, version)
    assert done.returncode == 0, f"{kind}, py-hydroweb {version}:\n{done.stdout}\n{done.stderr[-4000:]}"
    (archive,) = folder.glob("*.zip")
    assert done.stdout.splitlines()[-1] == archive.name
    return archive


def keep(shop, selections):
    basket = {"selections": selections}
    requests.put(f"{shop.url}/account/basket", json=basket, headers=shop.headers, timeout=60).raise_for_status()


def test_generated_programs_fetch_the_basket(shop, tmp_path):
    keep(shop, [
        {"search": {"collections": ["products"], "bbox": [-0.5, -0.5, 1.5, 1.5]}, "folder": "two"},
        {"collectionId": "undated", "filters": {"query": {"kind": {"eq": "b"}}}},
    ])
    own = f"{shop.url}/account/basket"
    shared = requests.post(f"{own}/share", json={}, headers=shop.headers, timeout=60).json()["href"]
    for address, headers in ((own, shop.headers), (shared, {})):
        for kind in ("python", "curl"):
            text = program(shop, address, kind, headers)
            assert kind == "curl" or "add_collection" in text
            archive = fetched(kind, text, tmp_path / f"{kind}-{len(address)}", shop.key)
            with zipfile.ZipFile(archive) as found:
                assert found.testzip() is None
                names = {name for name in found.namelist() if name.endswith((".nc", "b.txt", "a.txt"))}
            # py-hydroweb names the folder of a collection that is selected once; without a name it is the selection's.
            undated = {"python": "undated/b.txt", "curl": "undated/undated/b.txt"}[kind]
            assert names == {"two/p-0.nc", "two/p-1.nc", undated}, names


# Of each, py-hydroweb lacks the words: of formats, of parts, of dates of products, of more than one collection, of other
# conditions. Their texts hold what a program could take for its own.
WEIRD = "l'eau \"claire\" \\ {body} {api} $HOME `id` True null\nBODY\n# ü"
BEYOND_THE_CLIENT = {
    "formats": {"search": {"collections": ["reaches"]}, "formats": ["original", "geoparquet", "csv"], "folder": "l'eau {body} $HOME"},
    "part": {
        "search": {"collections": ["reaches"]}, "folder": "part",
        "subset": {"bbox": [1.5, 40, 40, 50], "datetime": "2024-02-15/..", "parameters": ["wse"]},
    },
    "dates": {"search": {"collections": ["products"], "datetime": "2024-01-15T00:00:00Z/2024-02-15T00:00:00Z"}},
    "collections": {
        "search": {"collections": ["undated", "products"], "ids": ["b", "p-3"], "bbox": None, "query": {"kind": {"neq": WEIRD}}},
        "folder": "several",
    },
    "conditions": {
        "search": {"collections": ["undated"], "filter-lang": "cql2-json", "filter": {"op": "and", "args": [
            {"op": "<>", "args": [{"property": "kind"}, WEIRD]}, {"op": "like", "args": [{"property": "kind"}, "a%"]}]}},
        "folder": "conditions",
    },
}


def check_beyond(files):
    """What these selections bring, byte by byte where it can be said beforehand."""
    (weird,) = {name.split("/")[0] for name in files if name.endswith("/reaches.zip")}
    product = {id: f"product {id}\n".encode() * 100 for id in PRODUCTS}
    tables = {name: files.pop(name) for name in (f"{weird}/reaches.parquet", "part/reaches.parquet")}
    assert "eau" in weird and "body" in weird and "HOME" in weird, weird
    csv = files.pop(f"{weird}/reaches.csv").decode()
    original = files.pop(f"{weird}/reaches.zip")
    assert files == {
        "products/p-1.nc": product["p-1"], "products/p-far.nc": product["p-far"], "several/b.txt": b"b",
        "conditions/a.txt": b"a",
    }
    assert csv == (
        "reach_id,time_str,wse,width,geometry\r\n23214400101,2024-01-01T00:00:00Z,10.5,100.0,POINT (1.0 45.0)\r\n"
        "23214400111,2024-02-01T00:00:00Z,,200.0,POINT (2.0 45.0)\r\n23214400121,2024-03-01T00:00:00Z,12.25,300.0,POINT (30.0 45.0)\r\n")
    with zipfile.ZipFile(io.BytesIO(original)) as shapefile:
        assert "reaches.shp" in shapefile.namelist()
    rows = {name: pq.read_table(io.BytesIO(data)).drop_columns("bbox").to_pylist() for name, data in tables.items()}
    third = {"reach_id": "23214400121", "time_str": "2024-03-01T00:00:00Z", "wse": 12.25}
    places = [[from_wkb(row.pop("geometry")).coords[0] for row in table] for table in rows.values()]
    assert places == [[(1, 45), (2, 45), (30, 45)], [(30, 45)]]
    assert [row["width"] for row in rows[f"{weird}/reaches.parquet"]] == [100, 200, 300]
    assert rows["part/reaches.parquet"] == [third]


def test_generated_programs_fetch_what_the_client_has_no_words_for(shop, tmp_path):
    # Each alone is reason enough for a program with a body of its own.
    for selection in BEYOND_THE_CLIENT.values():
        keep(shop, [selection])
        text = program(shop, f"{shop.url}/account/basket", "python", shop.headers)
        assert "requests.post" in text and "add_collection" not in text, text
    selections = list(BEYOND_THE_CLIENT.values())
    order = shop.order(selections, name="un \"ordre\"")
    expected = shop.files(order)
    check_beyond(dict(expected))
    keep(shop, selections)
    runs = [("curl", VERSIONS[0])] + [("python", version) for version in VERSIONS]
    for address in (f"{shop.url}/orders/{order}", f"{shop.url}/account/basket"):
        for kind, version in runs if address.endswith(order) else runs[:2]:
            text = program(shop, address, kind, shop.headers)
            archive = fetched(kind, text, tmp_path / f"{kind}-{version}-{len(address)}", shop.key, version)
            assert archive.stem != order, "an order of its own"
            assert files_of(archive) == expected


def test_a_program_with_a_body_of_its_own_keeps_the_name_of_the_order(shop, tmp_path):
    order = shop.order([BEYOND_THE_CLIENT["dates"]], name="un \"ordre\"")
    for kind in ("curl", "python"):
        text = program(shop, f"{shop.url}/orders/{order}", kind, shop.headers)
        archive = fetched(kind, text, tmp_path / kind, shop.key)
        made = requests.get(f"{shop.url}/api/download/workflows/{archive.stem}", headers=shop.headers, timeout=60).json()
        assert made["workflowName"] == "un \"ordre\"", kind


def test_generated_programs_say_why_there_is_no_file_and_end_with_another_code(shop, tmp_path):
    for name, selection, key, said in [
        ("key", BEYOND_THE_CLIENT["formats"], "nil_wrong", ["refused (401)"]),
        ("terms", {"search": {"collections": ["closed"]}, "formats": ["csv"]}, shop.key, ["refused (403)", "/licences/closed"]),
        ("nothing", {"search": {"collections": ["undated"], "ids": ["c"]}, "formats": ["csv"]}, shop.key, ["EMPTY_SELECTION"]),
    ]:
        keep(shop, [selection])
        for kind in ("python", "curl"):
            text = program(shop, f"{shop.url}/account/basket", kind, shop.headers)
            folder = tmp_path / f"{name}-{kind}"
            done = started(kind, text, folder, key)
            assert done.returncode == 1 and all(word in done.stderr for word in said), (name, kind, done)
            assert "Traceback" not in done.stderr, done.stderr
            assert {path.name for path in folder.iterdir()} <= {"order", "quick.py"}, "nothing is left that looks like a file"


class Broken:
    """An order of two files, fetched once by its program with curl: what became of it when the program is run again."""

    def __init__(self, shop, id, folder):
        self.shop, self.key, self.folder = shop, shop.key, folder
        names = [f"{id}-{name}.bin" for name in ("a", "b")]
        for name in names:
            (shop.store / name).write_bytes(name.encode() * 40_000)
        shop.fill(id, [item(id, name, (0, 0), UNDATED, data_asset(name)) for name in names])
        keep(shop, [{"search": {"collections": [id]}, "folder": "all", "formats": ["original"]}])
        self.text = program(shop, f"{shop.url}/account/basket", "curl", shop.headers)
        self.archive = fetched("curl", self.text, folder, self.key)
        self.whole = self.archive.read_bytes()
        self.part = self.archive.with_suffix(".zip.part")
        address = f"{shop.url}/api/download/workflows/{self.archive.stem}/zip"
        self.tag = requests.head(address, headers=shop.headers, timeout=60).headers["etag"]
        # Files in the order in which they lie in the archive.
        self.names = sorted(names, key=lambda name: self.whole.find(name.encode() * 9))

    def again(self):
        return started("curl", self.text, self.folder, self.key)

    def left(self, size, tag=None):
        """Leaves so many bytes of the archive, as a connection that broke would, with a mark that no server sends."""
        self.archive.unlink(missing_ok=True)
        self.part.write_bytes((b"mark" + self.whole[4:] + b"more")[:size])
        self.part.with_suffix(".part.tag").write_text((tag or self.tag) + "\n")

    def replace(self, name):
        (self.shop.store / name).write_bytes(b"another")


def test_the_program_with_curl_fetches_only_what_is_missing(shop, tmp_path):
    broken = Broken(shop, "torn", tmp_path / "curl")
    for size in (4, 100_000, len(broken.whole) - 1):
        broken.left(size)
        done = broken.again()
        assert done.returncode == 0 and "made earlier" in done.stdout, done
        assert broken.archive.read_bytes() == b"mark" + broken.whole[4:] and not broken.part.exists()


def test_the_program_with_curl_goes_on_with_the_same_archive_alone(shop, tmp_path):
    broken = Broken(shop, "other", tmp_path / "curl")
    # Of another state of the archive, of none that is known, and longer than it.
    for size, tag in ((100_000, '"another"'), (100_000, " "), (len(broken.whole) + 1, None)):
        broken.left(size, tag)
        done = broken.again()
        assert done.returncode == 0 and broken.archive.read_bytes() == broken.whole, done
        assert {path.name for path in broken.folder.iterdir()} <= {"order", broken.archive.name, *map(lambda p: p.name, broken.folder.glob("*.id"))}


@pytest.mark.parametrize("number", [0, 1])
def test_the_program_with_curl_leaves_no_archive_of_files_that_were_replaced(shop, tmp_path, number):
    broken = Broken(shop, f"replaced-{number}", tmp_path / "curl")
    # Of the first file nothing is to be had; of a later one all before it comes, and does not look like the whole.
    if number:
        broken.left(100_000)
    else:
        broken.archive.unlink()
    broken.replace(broken.names[number])
    # Not all that was sent before the end need have come: then the rest of it is fetched first.
    for _ in range(5):
        done = broken.again()
        if "broke off" not in done.stderr:
            break
    assert done.returncode == 1 and "refused (410): " in done.stderr, done
    assert not broken.archive.exists() and not broken.part.exists()
    # The next run orders anew what is there now.
    done = broken.again()
    assert done.returncode == 0 and "made earlier" not in done.stdout, done
    (archive,) = broken.folder.glob("*.zip")
    assert archive != broken.archive and files_of(archive)[f"all/{broken.names[number]}"] == b"another"


def test_the_program_with_curl_takes_a_part_that_is_all_for_the_whole(shop, tmp_path):
    broken = Broken(shop, "all-there", tmp_path / "curl")
    broken.left(len(broken.whole))
    done = broken.again()
    assert done.returncode == 0 and broken.archive.read_bytes() == b"mark" + broken.whole[4:], done
