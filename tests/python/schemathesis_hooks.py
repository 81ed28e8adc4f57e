"""What need not be tried."""

from urllib.parse import urlencode

import schemathesis

# The longest address; a longer one is refused before its parameters are read.
ADDRESS_BYTES_MAX = 8_192


@schemathesis.hook
def filter_case(context, case):
    query = case.query or {}
    if len(urlencode(query, doseq=True)) + 200 > ADDRESS_BYTES_MAX:
        return False
    # STAC wants a limit above the maximum to be clamped, though the maximum is published.
    declared = {parameter.name: parameter.definition for parameter in case.operation.query}
    most = declared.get("limit", {}).get("schema", {}).get("maximum")
    limit = str(query.get("limit"))
    return most is None or not limit.isdigit() or int(limit) <= most
