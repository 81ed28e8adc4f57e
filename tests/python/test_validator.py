"""stac-api-validator, offline, with all its classes and an explicit list of excused findings."""

import json
import re
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent

# Findings that are right to be there, as regular expressions, each with its reason. Nothing else is excused.
EXCUSED = {}

CLASSES = [
    "core", "browseable", "children", "collections", "features", "item-search", "filter",
    "item-search#sort", "item-search#fields", "item-search#query", "features#sort", "features#fields", "features#query",
]

# What the query extension is asked: operators, and values that some items of the collection have.
QUERIES = [f"--query-{operator}-value={value}" for operator, value in [
    ("eq", 10), ("neq", 10), ("lt", 10), ("lte", 10), ("gt", 10), ("gte", 10),
    ("starts-with", "s"), ("ends-with", "t"), ("contains", "wo"),
]] + ["--query-comparison-field=eo:cloud_cover", "--query-substring-field=platform", "--query-in-field=instruments",
      "--query-in-values=karin,poseidon-4"]


def findings(output, title):
    """Lines below `title:` in the validator's closing report."""
    part = re.search(rf"^{title}:(.*?)(?=^\w+:|\Z)", output, flags=re.S | re.M)
    return re.findall(r"^- (.*)$", part[1], flags=re.M) if part else []


def validate(url, passes, classes, *more):
    """Runs the validator for some classes at once; its output."""
    collection, item = passes
    command = [
        sys.executable, HERE / "offline.py", "stac-api-validator", "--root-url", f"{url}/",
        *[f"--conformance={conformance}" for conformance in classes], "--collection", collection,
        "--geometry", json.dumps(around(item)), "--fields-nested-property", "properties.eo:cloud_cover", *QUERIES, *more,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    output = done.stdout + done.stderr
    print(output)
    assert "Errors:" in output, f"the validator gave up:\n{output[-4000:]}"
    return output


def around(item):
    """A polygon that holds the item with some room, and shares no edge with it."""
    west, south, east, north = item["bbox"]
    west, south, east, north = west - 1, south - 1, east + 1, north + 1
    ring = [[west, south], [east, south], [east, north], [west, north], [west, south]]
    return {"type": "Polygon", "coordinates": [ring]}


def test_the_validator_finds_no_error_in_any_class(url, passes):
    output = validate(url, passes, CLASSES, "--validate-pagination")
    left = [error for error in findings(output, "Errors") if not any(re.search(pattern, error) for pattern in EXCUSED)]
    assert not left, "\n".join(left)


def test_written_items_pass_the_transaction_checks(url, passes, key):
    import requests

    headers = {"authorization": f"Bearer {key}"}
    collection = {
        "type": "Collection", "stac_version": "1.1.0", "id": "validator", "description": "Written by the validator",
        "license": "other", "links": [],
        "extent": {"spatial": {"bbox": [[-180, -90, 180, 90]]}, "temporal": {"interval": [["2020-01-01T00:00:00Z", None]]}},
    }
    requests.post(f"{url}/collections", json=collection, headers=headers, timeout=60).raise_for_status()
    try:
        output = validate(
            url, passes, ["core", "transaction"], "--transaction-collection", "validator", "--auth-bearer-token", key)
        assert not findings(output, "Errors"), output
    finally:
        requests.delete(f"{url}/collections/validator", headers=headers, timeout=60)
