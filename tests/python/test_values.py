"""Every value of every file comes back from the service as another program reads it from the file.

The readers (`readers_*.py`) know nothing of our code. Files are ingested by the built binary, and the answers of the
service, as Parquet with all versions, are compared with what the readers say: the same observations, none more, and every
value equal to the last bit. Needs the shared data; skipped elsewhere.
"""

import io
import math
from collections import defaultdict

import pyarrow.parquet as parquet
import pytest
import readers_insitu
import readers_satellite
import requests
from conftest import SHARED, Server, run

# Features asked for at once: their ids must fit in an address.
FEATURES_AT_ONCE = 100

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="shared data absent")


def expected(readers):
    """What the readers say, by collection and key. A later file adds to an earlier one, or takes its place."""
    found = defaultdict(dict)
    for name in readers.FILES:
        for row in readers.read(SHARED / name):
            key = (row["feature_id"], row["time"], row["discriminator"], row["version"])
            found[row["collection"]].setdefault(key, {}).update(row["values"])
    return found


def answered(url, collection, features):
    """What the service says of features, by key; a key that comes twice fails."""
    found = {}
    features = sorted(features)
    for begin in range(0, len(features), FEATURES_AT_ONCE):
        some = ",".join(requests.utils.quote(feature, safe="") for feature in features[begin:begin + FEATURES_AT_ONCE])
        answer = requests.get(f"{url}/collections/{collection}/locations/{some}", params={"f": "Parquet", "version": "all"}, timeout=120)
        assert answer.status_code == 200, f"{collection}: {answer.status_code} {answer.text[:500]}"
        for row in parquet.read_table(io.BytesIO(answer.content)).to_pylist():
            key = (row["feature_id"], row["phenomenon_time"], row["discriminator"], row["version"])
            assert key not in found, f"{collection}: {key} comes twice"
            found[key] = row
    return found


def is_equal(ours, theirs):
    if theirs is None or (isinstance(theirs, float) and math.isnan(theirs)):
        return ours is None
    return ours == theirs


@pytest.mark.parametrize("readers", [readers_satellite, readers_insitu], ids=lambda module: module.__name__)
def test_every_value_of_every_file_comes_back(readers, tmp_path):
    wanted = expected(readers)
    data = tmp_path / "data"
    files = [str(SHARED / name) for name in readers.FILES]
    run("ingest", "--data", data, *getattr(readers, "OPTIONS", []), *files)
    server = Server(data)
    try:
        values = 0
        for collection, rows in wanted.items():
            found = answered(server.url, collection, {key[0] for key in rows})
            missing, more = sorted(rows.keys() - found.keys())[:3], sorted(found.keys() - rows.keys())[:3]
            assert not missing and not more, f"{collection}: missing {missing}, not expected {more}"
            for key, row in rows.items():
                own = {"feature_id", "phenomenon_time", "discriminator", "version", "version_order", "source", "ingested"}
                more = {p for p, v in found[key].items() if v is not None and p not in own and p not in row}
                assert not more, f"{collection} {key}: {more} have values that the file has not"
                for parameter, value in row.items():
                    ours = found[key].get(parameter)
                    assert is_equal(ours, value), f"{collection} {key} {parameter}: {ours!r}, the file says {value!r}"
                    values += 1
            print(f"{collection}: {len(rows)} observations of {len({key[0] for key in rows})} features")
        print(f"{readers.__name__}: {values} values compared")
    finally:
        server.stop()
