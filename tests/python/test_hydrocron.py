"""Hydrocron's dialect: recorded answers of the original, loaded and asked for again.

Each recorded answer fills a folder of its own, so that a question finds what that answer told and nothing else.
"""

import csv
import io
import json

import pytest
import requests

from conftest import SHARED, Server, run

RECORDED = SHARED / "swot" / "hydrocron_api" / "fixtures"
PATH = "/hydrocron/v1/timeseries"
# Seven decimals of a degree are a centimetre.
DEGREES_MAX = 1e-6
# The original tells the river database of version D by its last two characters only.
SWORD_VERSIONS = {"7b": "17b"}

CASES = {
    "ops/reach/reach_": ("Reach", "18180900091", "2024-02-02T00:00:00Z", "2024-03-20T00:00:00Z", "SWOT_L2_HR_RiverSP_2.0"),
    "ops/reach/reach_d_": ("Reach", "18180900091", "2024-01-12T00:00:00Z", "2024-02-03T00:00:00Z", "SWOT_L2_HR_RiverSP_D"),
    "ops/node/node_": ("Node", "45311101670065", "2023-09-17T00:00:00Z", "2023-10-30T00:00:00Z", "SWOT_L2_HR_RiverSP_2.0"),
    "ops/node/node_d_": ("Node", "44404000150591", "2024-01-02T00:00:00Z", "2024-02-10T00:00:00Z", "SWOT_L2_HR_RiverSP_D"),
    "ops/priorlake/lake_": ("PriorLake", "8510353162", "2024-09-12T00:00:00Z", "2024-09-18T23:59:59Z", "SWOT_L2_HR_LakeSP_2.0"),
    "ops/priorlake/lake_d_": ("PriorLake", "7230381002", "2024-06-29T00:00:00Z", "2024-07-19T23:59:59Z", "SWOT_L2_HR_LakeSP_D"),
    "uat/reach/reach_": ("Reach", "18180900091", "2024-02-02T00:00:00Z", "2024-05-20T00:00:00Z", "SWOT_L2_HR_RiverSP_2.0"),
}


def recorded_files(ending):
    """Names of the recorded answers, relative to their folder."""
    return sorted(str(path.relative_to(RECORDED)) for path in RECORDED.rglob(f"*.{ending}"))


def case(name):
    """The question behind a recorded answer, without its fields: that of the longest beginning of its name."""
    feature, id, start, end, collection = CASES[max(filter(name.startswith, CASES), key=len)]
    return {"feature": feature, "feature_id": id, "start_time": start, "end_time": end, "collection_name": collection}


def fields(names):
    """The fields behind a recorded answer's columns."""
    return ",".join(name for name in names if not name.endswith("_units"))


def normal(properties):
    """Values with the versions of the river database told in full; units of discharge are ours alone."""
    told = dict(properties)
    if "sword_version" in told:
        told["sword_version"] = SWORD_VERSIONS.get(told["sword_version"], told["sword_version"])
    ours_alone = ("sos_", "swot_discharge")
    return {k: v for k, v in told.items() if not (k.startswith(ours_alone) and k.endswith("_units"))}


def table(text):
    """The rows of delimited text."""
    assert text.endswith("\n") and "\r" not in text
    return [normal(row) for row in csv.DictReader(io.StringIO(text))]


def positions(coordinates):
    """All positions of a geometry, flat."""
    if coordinates and isinstance(coordinates[0], (int, float)):
        return [coordinates]
    return [position for part in coordinates for position in positions(part)]


def same_place(ours, theirs):
    """Whether two geometries are the same to a few centimetres."""
    if ours is None or ours["type"] != theirs["type"]:
        return False
    a, b = positions(ours["coordinates"]), positions(theirs["coordinates"])
    return len(a) == len(b) and all(abs(x - y) <= DEGREES_MAX for p, q in zip(a, b) for x, y in zip(p, q))


@pytest.fixture
def serve(tmp_path):
    """Loads a recorded answer and serves it: a function from its name to the server's address."""
    servers = []

    def start(name):
        folder = tmp_path / "data"
        run("ingest", "--data", folder, RECORDED / name)
        servers.append(Server(folder))
        return servers[-1].url

    yield start
    for server in servers:
        server.stop()


def ask(url, question, accept=None):
    """An answer that must succeed."""
    headers = {"accept": accept} if accept else {}
    answer = requests.get(f"{url}{PATH}", params=question, headers=headers, timeout=60)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == "*"
    return answer


needs_recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")


@needs_recorded
@pytest.mark.parametrize("name", recorded_files("csv"))
def test_a_recorded_table_is_answered_again(serve, name):
    recorded = json.loads((RECORDED / name).read_text("utf-8"))
    expected = table(recorded["results"]["csv"])
    question = {**case(name), "fields": fields(recorded["results"]["csv"].splitlines()[0].split(","))}
    url = serve(name)
    answer = ask(url, {**question, "output": "csv"}).json()
    assert (answer["status"], answer["hits"], answer["results"]["geojson"]) == ("200 OK", recorded["hits"], {})
    assert isinstance(answer["time"], float)
    assert table(answer["results"]["csv"]) == expected
    bare = ask(url, question, "text/csv")
    assert bare.headers["content-type"] == "text/csv"
    assert bare.text == answer["results"]["csv"]


@needs_recorded
@pytest.mark.parametrize("name", recorded_files("geojson"))
def test_recorded_features_are_answered_again(serve, name):
    recorded = json.loads((RECORDED / name).read_text("utf-8"))["features"]
    question = {**case(name), "fields": fields(recorded[0]["properties"])}
    url = serve(name)
    bare = ask(url, {**question, "compact": "false"}, "application/geo+json").json()
    assert ask(url, question).json()["results"] == {"csv": "", "geojson": bare}
    assert [feature["id"] for feature in bare["features"]] == [feature["id"] for feature in recorded]
    for ours, theirs in zip(bare["features"], recorded):
        assert normal(ours["properties"]) == normal(theirs["properties"])
        assert same_place(ours["geometry"], theirs["geometry"]), (ours["geometry"], theirs["geometry"])
    [compact] = ask(url, question, "application/geo+json").json()["features"]
    assert compact["id"] == "0" and compact["geometry"] == bare["features"][0]["geometry"]
    for column, values in compact["properties"].items():
        assert values == [feature["properties"][column] for feature in bare["features"]]


@needs_recorded
def test_what_is_not_there_is_told_with_its_reason(serve):
    url = serve("ops/reach/reach_d_basic.geojson")
    known = {**case("ops/reach/reach_d_basic"), "fields": "time_str"}
    for change, reason in [
        ({"feature_id": "99999999999"}, "unknown-feature"),
        ({"collection_name": "SWOT_L2_HR_RiverSP_2.0"}, "unknown-feature"),
        ({"end_time": known["start_time"]}, "no-data-in-period"),
    ]:
        question = {**known, **change}
        answer = requests.get(f"{url}{PATH}", params=question, timeout=60)
        text = f"400: Results with the specified Feature ID {question['feature_id']} were not found"
        assert (answer.status_code, answer.json()) == (400, {"error": text, "reason": reason})
