"""What the unmodified py-hydroweb, in the version on the path, must be able to do; run as a program by test_orders.py.

Arguments: the service's address, a key, a folder to download into. Only the client's waits are shortened.
"""

import sys
import time
import zipfile
from datetime import date, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

base, key, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])

# The client waits 10 s between two questions, and 3 s and 9 s before it sends a failed one again.
sleep = time.sleep
time.sleep = lambda seconds: sleep(min(seconds, 0.05))
import py_hydroweb  # noqa: E402
import py_hydroweb.client  # noqa: E402
import requests  # noqa: E402

py_hydroweb.client.sleep = lambda seconds: sleep(0.05)
IS_OLD = version("py-hydroweb").startswith(("1.0", "1.1"))
FOLDERS_OF_TWO = not version("py-hydroweb").startswith(("1.0", "1.1", "1.2"))
# Of a collection that is selected once.
FOLDER_OF_ONE = "{0}" if FOLDERS_OF_TWO else "{0}/{0}"
DOCUMENTS = ("manifest.json", "LICENCE.txt", "CITATION.txt")
EVERYWHERE = {"bbox": [-180.0, -90.0, 180.0, 90.0]}
# The first three along the line, and with these dates the second of them alone; one far away has such a date too.
THREE = {"bbox": [-0.5, -0.5, 2.5, 2.5]}
MID_WINTER = {"start_datetime": {"lte": "2024-02-15T00:00:00.000Z"}, "end_datetime": {"gte": "2024-01-15T00:00:00.000Z"}}
# The first and the last along the line; the two between are in its box, and beside it.
CORNER = {"type": "Polygon", "coordinates": [[[-1, -1], [-1, 4], [4, 4], [4, 2.5], [0.5, 2.5], [0.5, -1], [-1, -1]]]}


def tells(info, words):
    """Whether an order's message holds some words; the oldest client reads no message, which is asked for beside it."""
    if hasattr(info, "message"):
        return words in info.message
    status = requests.get(f"{base}/api/download/workflows/{info.download_id}/status", headers=client.headers, timeout=60)
    return words in status.json()["message"]


def refused(call, *codes):
    """The status with which a call is refused."""
    try:
        call()
    except py_hydroweb.exceptions.ApiErrorException as error:
        assert any(str(code) in str(error) for code in codes), error
        return
    raise AssertionError(f"not refused with {codes}")


def basket(*selections, name="an order"):
    made = py_hydroweb.DownloadBasket(name)
    for collection, conditions in selections:
        made.add_collection(collection, **conditions)
    return made


def until_ended(client, order):
    while True:
        info = client.get_download_info(order)
        if info.status.name not in ("CREATED", "RUNNING"):
            return info
        sleep(0.05)


def check(path, expected):
    """An archive holds these files of each folder, by its documents, and nothing else."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        found = archive.namelist()
    wanted = [f"{folder}/{name}" for folder, files in expected.items() for name in (*files, *DOCUMENTS)]
    assert sorted(found) == sorted(wanted), found


client = py_hydroweb.Client(f"{base}/api", api_key=key)
unknown = "00000000-0000-0000-0000-000000000000"

# 01: without a key no request is sent.
try:
    py_hydroweb.Client(f"{base}/api")
    raise AssertionError("a client without key")
except py_hydroweb.exceptions.MissingApiKeyException:
    pass

# 02, 03: a wrong key, an unknown order.
refused(py_hydroweb.Client(f"{base}/api", api_key="nil_wrong").get_downloads_info, 401)
refused(lambda: client.get_download_info(unknown), 404)

# 04: two selections of one collection, each of several conditions.
hour_ago = f"{datetime.utcnow() - timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"
both = basket(
    ("products", {**THREE, "query": MID_WINTER}),
    ("products", {"intersects": CORNER, "datetime": f"{hour_ago}/..", "folder": "second/selection/", "correlation_id": "products_2"}),
    name="mes données",
)
sent = both.as_dict()["collections"]
assert [selection["correlationId"] for selection in sent] == ["products", "products_2"], sent
if FOLDERS_OF_TWO:
    assert sent[0]["folder"] == "products/products", sent

# 05, 06, 07: submitted, asked about, listed.
order = client.submit_download(both)
assert order and "/" not in order
info = client.get_download_info(order)
assert info.status.name in ("CREATED", "RUNNING", "COMPLETED") and (info.progress is None or 0 <= info.progress <= 100)
assert order in client.get_downloads_info()
assert until_ended(client, order).status.name == "COMPLETED"

# 08, 09: pages, and orders changed since.
assert list(client.get_downloads_info(page=0, size=1)) == [order]
assert order in client.get_downloads_info(last_update=datetime.utcnow() - timedelta(hours=1))
assert order in client.get_downloads_info(last_update=date.today() - timedelta(days=1))
assert order not in client.get_downloads_info(last_update=datetime(2099, 1, 1))

# 10, 11: fetched under the server's own name; folders as the client's version knows them.
path = Path(client.download_zip(order, output_folder=str(folder)))
assert path.name == f"{order}.zip" and path.stat().st_size > 0
check(path, {"products/products": ["p-1.nc"], "second/selection": ["p-0.nc", "p-3.nc"]})
with zipfile.ZipFile(path) as archive:
    assert archive.read("second/selection/p-0.nc") == b"product p-0\n" * 100

# 12: at once, under a name of one's own.
own = client.submit_and_download_zip(basket(("products", {"bbox": [-0.5, -0.5, 0.5, 0.5]})), zip_filename="own.zip", output_folder=str(folder))
assert Path(own).name == "own.zip"
check(own, {FOLDER_OF_ONE.format("products"): ["p-0.nc"]})


def delivers(collection, conditions, *files):
    """An order of one selection is delivered with these files and no others."""
    path = client.submit_and_download_zip(basket((collection, conditions)), output_folder=str(folder))
    assert path, f"{conditions}: nothing was delivered"
    check(path, {FOLDER_OF_ONE.format(collection): files})


def is_empty(collection, conditions):
    info = until_ended(client, client.submit_download(basket((collection, conditions))))
    assert info.status.name == "FAILED" and tells(info, "EMPTY_SELECTION"), (conditions, vars(info))


# By each condition alone.
delivers("products", {"intersects": CORNER}, "p-0.nc", "p-3.nc")
delivers("products", {"query": MID_WINTER}, "p-1.nc", "p-far.nc")
# By a stored place; older clients do not know it.
if not IS_OLD:
    delivers("products", {"intersects_refs": ["places.North"]}, "p-2.nc", "p-3.nc")
# By properties; dates, even those before all, say nothing of a collection without any.
delivers("undated", {"query": {"start_datetime": {"lte": "1850-01-01T00:00:00Z"}, "kind": {"eq": "b"}}}, "b.txt")

# The date is that of the writing into the catalogue, when nothing was written before the year 2000, whatever it is of. Dates
# of products are properties.
nineties = "1990-01-01T00:00:00Z/2000-01-01T00:00:00Z"
of_nineties = {"start_datetime": {"lte": "2000-01-01T00:00:00.000Z"}, "end_datetime": {"gte": "1990-01-01T00:00:00.000Z"}}
all_products = ["p-0.nc", "p-1.nc", "p-2.nc", "p-3.nc", "p-far.nc", "p-old.nc"]
delivers("products", {"query": of_nineties}, "p-old.nc")
is_empty("products", {"datetime": nineties})
is_empty("products", {"datetime": nineties, "query": of_nineties})
delivers("products", {"datetime": f"{hour_ago}/..", "query": of_nineties}, "p-old.nc")
delivers("products", {"datetime": f"{hour_ago}/.."}, *all_products)
is_empty("products", {"datetime": "2099-01-01T00:00:00Z/.."})
# It is what the catalogue calls `ingested`, to the last digit: the oldest product was written last.
first, last = (
    requests.get(f"{base}/collections/products/items/{id}", headers=client.headers, timeout=60).json()["properties"]["ingested"]
    for id in ("p-0", "p-old"))
delivers("products", {"datetime": f"{last}/.."}, "p-old.nc")
delivers("products", {"datetime": f"../{first}"}, *all_products[:-1])

# 13, 14: an unknown collection, and a selection without any file; the latter ends without an exception, as the client does it.
refused(lambda: client.submit_download(basket(("nowhere", EVERYWHERE))), 404)
assert client.submit_and_download_zip(basket(("products", {"bbox": [100.0, 80.0, 101.0, 81.0]})), output_folder=str(folder)) is None

# Terms that nobody accepted are told by the message.
closed = client.submit_download(basket(("closed", {})))
info = until_ended(client, closed)
assert info.status.name == "FAILED" and tells(info, "LICENCE_NOT_ACCEPTED") and tells(info, "/licences/closed"), vars(info)

# 15: deleted.
client.delete_download(order)
refused(lambda: client.get_download_info(order), 404)
refused(lambda: client.delete_download(order), 404)
print("done")
