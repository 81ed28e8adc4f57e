"""stac-api-validator, offline, class by class, with an explicit list of excused findings."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).resolve().parent

# Findings that are right to be there, as regular expressions, each with its reason. Nothing else is excused.
EXCUSED = {}

CLASSES = [
    "core", "collections", "features", "item-search", "filter",
    "item-search#sort", "item-search#fields", "features#sort", "features#fields",
]


def findings(output, title):
    """Lines below `title:` in the validator's closing report."""
    part = re.search(rf"^{title}:(.*?)(?=^\w+:|\Z)", output, flags=re.S | re.M)
    return re.findall(r"^- (.*)$", part[1], flags=re.M) if part else []


def validate(url, passes, conformance, *more):
    """Runs the validator for one class; its output."""
    collection, item = passes
    command = [
        sys.executable, HERE / "offline.py", "stac-api-validator", "--root-url", f"{url}/", "--conformance", "core",
        "--conformance", conformance, "--collection", collection, "--geometry", json.dumps(around(item)),
        "--fields-nested-property", "properties.eo:cloud_cover", *more,
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


@pytest.mark.parametrize("conformance", CLASSES)
def test_the_validator_finds_no_error(url, passes, conformance):
    more = ["--validate-pagination"] if conformance == "item-search" else []
    errors = findings(validate(url, passes, conformance, *more), "Errors")
    left = [error for error in errors if not any(re.search(pattern, error) for pattern in EXCUSED)]
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
            url, passes, "transaction", "--transaction-collection", "validator", "--auth-bearer-token", key)
        assert not findings(output, "Errors"), output
    finally:
        requests.delete(f"{url}/collections/validator", headers=headers, timeout=60)
