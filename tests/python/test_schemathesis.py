"""schemathesis: every operation of the OpenAPI document, writes included, with input that fits and input that does not."""

import os
import subprocess
import sys
from pathlib import Path

import requests

from conftest import Server, pass_of, run

HERE = Path(__file__).resolve().parent
# In the ordinary tests some random input a second; in long ones every boundary of every parameter, which takes minutes.
LONG = "NILOMETER_LONG" in os.environ
EFFORT = ["--phases", "examples,coverage,fuzzing", "-n", "30"] if LONG else ["--phases", "examples,fuzzing", "-n", "4"]


def test_no_operation_contradicts_its_description(tmp_path):
    data = tmp_path / "data"
    key = run("admin", "key", "create", "--data", data, "--user", "any", "--role", "operator").splitlines()[-1].strip()
    # A service of its own: it may delete whatever it finds.
    server = Server(data)
    try:
        headers = {"authorization": f"Bearer {key}"}
        for name in ("one", "two"):
            requests.post(f"{server.url}/collections", json={"id": name}, headers=headers, timeout=60).raise_for_status()
            features = [pass_of(number) | {"collection": name} for number in range(3)]
            body = {"type": "FeatureCollection", "features": features}
            requests.post(f"{server.url}/collections/{name}/items", json=body, headers=headers, timeout=60).raise_for_status()
        command = [
            Path(sys.executable).parent / "schemathesis", "--config-file", HERE / "schemathesis.toml", "run",
            f"{server.url}/api", "--url", server.url, "--seed", "1", "--no-color", "--request-timeout", "60", *EFFORT,
            # A schema cannot say what a filter, a token, a polygon or an item is: not all that fits it is accepted.
            "--checks", "all", "--exclude-checks", "positive_data_acceptance",
            # Concrete paths of collections say what the templated ones say. Operations of accounts end the key they are tried with;
            # they have tests of their own.
            "--exclude-path-regex", "^/(collections/(one|two)|account|admin|password|sign-)",
        ]
        more = {"SCHEMATHESIS_HOOKS": str(HERE / "schemathesis_hooks.py"), "SCHEMATHESIS_KEY": key}
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1_800, env={**os.environ, **more})
        assert done.returncode == 0, done.stdout + done.stderr
    finally:
        server.stop()
