"""Runs a STAC validator without a network.

    offline.py stac-api-validator|stac-validator|stac-check ARGUMENTS…

The validators fetch schemas from the web. Here a request for a core STAC or GeoJSON schema is answered from the copies in
the package pystac, one for an extension's schema from `schemas/` beside this file (found by its `$id`), one to the loopback
interface goes out, and any other fails at once: a test must not depend on the network without saying so.
"""

import importlib
import json
import socket
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pystac
import requests
from pystac.stac_io import DefaultStacIO
from requests.adapters import HTTPAdapter

SCHEMAS = Path(__file__).resolve().parent / "schemas"
MAINS = {
    "stac-api-validator": ("stac_api_validator.__main__", "main"),
    "stac-check": ("stac_check.cli", "main"),
    "stac-validator": ("stac_validator.stac_validator", "main"),
}


def known_schemas():
    """Schemas by address, without fragment."""
    from pystac.validation.local_validator import get_local_schema_cache

    schemas = dict(get_local_schema_cache())
    for path in sorted(SCHEMAS.glob("**/*.json")):
        schema = json.loads(path.read_text("utf-8"))
        schemas[schema["$id"]] = schema
    return {address.split("#")[0]: schema for address, schema in schemas.items()}


def answer(request, schema):
    """The answer that the web would have given."""
    response = requests.Response()
    response.status_code = 200
    response.url = request.url
    response.request = request
    response.headers["content-type"] = "application/schema+json"
    response.encoding = "utf-8"
    response._content = json.dumps(schema).encode()
    return response


LOOPBACK = ("127.0.0.1", "localhost", "::1")


def install():
    """Takes the network away, but for the loopback interface. Returns a function that gives it back."""
    schemas = known_schemas()
    send, resolve = HTTPAdapter.send, socket.getaddrinfo

    def answering(self, request, **options):
        address = request.url.split("#")[0]
        if address in schemas:
            return answer(request, schemas[address])
        if urlsplit(address).hostname in LOOPBACK:
            return send(self, request, **options)
        raise requests.ConnectionError(f"{address} is not on this machine, and no copy of it is kept here")

    def resolving(host, *arguments, **options):
        if host in LOOPBACK:
            return resolve(host, *arguments, **options)
        raise socket.gaierror(f"{host} is not on this machine")

    class LocalIO(DefaultStacIO):
        """pystac's reader, which does not go through requests."""

        def read_text_from_href(self, href):
            address = href.split("#")[0]
            return json.dumps(schemas[address]) if address in schemas else super().read_text_from_href(href)

    def give_back():
        HTTPAdapter.send, socket.getaddrinfo = send, resolve
        pystac.StacIO.set_default(DefaultStacIO)

    HTTPAdapter.send, socket.getaddrinfo = answering, resolving
    pystac.StacIO.set_default(LocalIO)
    return give_back


def main():
    install()
    tool, *arguments = sys.argv[1:]
    module, function = MAINS[tool]
    sys.argv = [tool, *arguments]
    return getattr(importlib.import_module(module), function)()


if __name__ == "__main__":
    sys.exit(main())
