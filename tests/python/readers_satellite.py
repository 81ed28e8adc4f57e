"""Values of the satellite files of the shared data, read a second time without any code of ours.

`read(path)` gives one dict for each observation: collection, feature_id, time (aware, UTC), discriminator, version and
values, a dict of those parameters that have one. `FILES` are paths relative to the shared data.
"""

import csv
import io
import json
import re
import struct
import zipfile
from collections import Counter
from datetime import datetime, timedelta, timezone
from pathlib import Path

_FIXTURES = "swot/hydrocron_api/fixtures"
_TEST_DATA = "swot/hydrocron_api/test_data"
_NILE = "hydroweb/nile_lakes_altimetry"

GRANULES = [
    "swot/hydrocron_granules/SWOT_L2_HR_RiverSP_Reach_049_058_AU_20260419T185249_20260419T190852_PID0_01.zip",
    "swot/hydrocron_granules/SWOT_L2_HR_LakeSP_Prior_018_100_GR_20240713T111741_20240713T112027_PIC0_01.zip",
]
ANSWERS = [
    *(f"{_FIXTURES}/ops/reach/reach_{name}" for name in (
        "basic.csv", "basic.geojson", "comprehensive.geojson", "discharge.csv",
        "d_basic.csv", "d_basic.geojson", "d_comprehensive.geojson", "d_discharge.csv",
    )),
    *(f"{_FIXTURES}/ops/node/node_{name}" for name in (
        "basic.csv", "basic.geojson", "comprehensive.geojson", "d_basic.csv", "d_basic.geojson", "d_comprehensive.geojson",
    )),
    *(f"{_FIXTURES}/ops/priorlake/lake_d_{name}" for name in ("basic.csv", "basic.geojson", "comprehensive.geojson")),
    *(f"{_FIXTURES}/uat/reach/reach_{name}" for name in (
        "basic.csv", "basic.geojson", "comprehensive.geojson", "discharge.csv", "sos_discharge.csv",
    )),
    *(f"{_TEST_DATA}/api_query_results_{name}" for name in (
        "csv.csv", "geojson.json", "geojson_compact.json", "geojson_lakes.json", "items_lake.json",
    )),
]
SERIES = [
    f"{_NILE}/hydroprd_L_victoria.csv",
    f"{_NILE}/2_water_level_altimetry.csv",
    *(f"{_NILE}/lake{name}.2{smooth}.txt" for name in ("000314.10d", "001597.27b", "101296.27b") for smooth in ("", ".smooth")),
]
FILES = [*GRANULES, *ANSWERS, *SERIES]

_EPOCH = datetime(2000, 1, 1, tzinfo=timezone.utc)
_CONTINENTS = dict(zip("123456789", ("AF", "EU", "SI", "AS", "AU", "SA", "NA", "AR", "GR")))
_FILL = -999999999999.0
# Fields of answers that are whole numbers, and those that are texts; all others are numbers.
_WHOLE = re.compile(
    r"cycle_id|pass_id|.*_q|.*_q_b|qual_f_b|quality_f|dschg_g?q_b|partial_f|ice_\w+_f|n_good_\w+|n_reach_\w+|p_n_\w+"
    r"|p_dam_id|p_res_id|p_low_slp"
)
_NOT_WHOLE = re.compile(r"sos_\w+|ds[12]_q")
_TEXT = re.compile(
    r"reach_id|node_id|lake_id|obs_id|time_str|river_name|lake_name|rch_id_\w+|overlap|n_overlap|p_date_t0|rdr_pol"
    r"|continent_id|range_\w+_time|crid|granuleUR|collection_\w+|ingest_time|sword_version|PLD_version"
)


def read(path):
    """Observations of one file."""
    path = Path(path)
    if path.suffix == ".zip":
        return _granule(path)
    if path.name.startswith("hydroprd_L_"):
        return _hydroweb(path)
    if path.name.endswith("_water_level_altimetry.csv"):
        return _dahiti(path)
    if path.name.startswith("lake") and path.suffix == ".txt":
        return _g_realm(path)
    return _answer(path)


def _utc(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).astimezone(timezone.utc)


def _compact(text):
    return datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=timezone.utc)


def _z(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


# --- granules ---------------------------------------------------------------------------------------------------------


def _value(text, kind):
    text = text.strip()
    if not text:
        return None
    if kind is str:
        parts = re.split("[,;]", text)
        return None if all(part.strip() in ("", "no_data") for part in parts) else text
    number = float(text)
    if number == _FILL or (kind is int and number in (-999.0, -99999999.0)):
        return None
    return int(number) if kind is int else number


def _table(data):
    """Rows of a dBase table: dicts of Python values."""
    count, header, width = struct.unpack("<IHH", data[4:12])
    columns, at, begin = [], 32, 1
    while data[at] != 0x0D:
        name = data[at : at + 11].split(b"\0")[0].decode("ascii")
        letter, length, decimals = chr(data[at + 11]), data[at + 16], data[at + 17]
        kind = str if letter == "C" else (int if decimals == 0 else float)
        columns.append((name, kind, begin, begin + length))
        begin, at = begin + length, at + 32
    for row in range(count):
        record = data[header + row * width : header + (row + 1) * width]
        yield {name: _value(record[a:b].decode("utf-8"), kind) for name, kind, a, b in columns}


def _shapes(data):
    """Rings of each polygon of a shapefile, `None` for a null shape; other shapes as empty lists."""
    at = 100
    while at < len(data):
        length = struct.unpack(">i", data[at + 4 : at + 8])[0] * 2
        body = data[at + 8 : at + 8 + length]
        kind = struct.unpack("<i", body[:4])[0]
        if kind == 0:
            yield None
        elif kind in (5, 15, 25):
            parts, points = struct.unpack("<ii", body[36:44])
            begins = list(struct.unpack(f"<{parts}i", body[44 : 44 + 4 * parts])) + [points]
            flat = struct.unpack(f"<{2 * points}d", body[44 + 4 * parts : 44 + 4 * parts + 16 * points])
            xy = list(zip(flat[::2], flat[1::2]))
            yield [xy[a:b] for a, b in zip(begins, begins[1:])]
        else:
            yield []
        at += 8 + length


def _centroid(rings):
    """Centroid of all rings: outer ones turn clockwise in a shapefile, holes the other way, so signs do the rest."""
    x0, y0 = rings[0][0]
    area = sx = sy = 0.0
    for ring in rings:
        for (ax, ay), (bx, by) in zip(ring, ring[1:] + ring[:1]):
            cross = (ax - x0) * (by - y0) - (bx - x0) * (ay - y0)
            area += cross
            sx += cross * (ax + bx - 2 * x0)
            sy += cross * (ay + by - 2 * y0)
    return round(x0 + sx / (3 * area), 6), round(y0 + sy / (3 * area), 6)


def _granule(path):
    with zipfile.ZipFile(path) as archive:
        members = {Path(name).suffix.lower(): archive.read(name) for name in archive.namelist()}
    _, _, _, product, kind, cycle, pass_, continent, start, end, crid, counter = path.stem.split("_")
    part, id_column = {"Reach": ("reach", "reach_id"), "Node": ("node", "node_id"), "Prior": ("prior", "lake_id")}[kind]
    version = "2.0" if crid[2] == "C" else crid[2]
    xml = members[".xml"].decode("utf-8")
    tail = {
        "cycle_id": int(cycle),
        "pass_id": int(pass_),
        "continent_id": continent,
        "range_start_time": _z(_compact(start)),
        "range_end_time": _z(_compact(end)),
        "crid": crid,
        "granuleUR": path.name,
        "collection_shortname": f"SWOT_L2_HR_{product}_{version}",
        "collection_version": version,
    }
    if part == "prior":
        tail["PLD_version"] = re.search(r"SWOT_LakeDatabase\w*_v(\w+)\.", xml).group(1)
    else:
        tail["sword_version"] = re.search(r"SWOT_RiverDatabase\w*_v2(\w+)\.", xml).group(1)
    seen = Counter()
    for row, rings in zip(_table(members[".dbf"]), _shapes(members[".shp"]), strict=True):
        feature = row[id_column]
        seen[feature] += 1
        discriminator = f"{cycle}_{pass_}"
        if _CONTINENTS.get(feature[0], continent) != continent:
            discriminator += f"_{continent}"
        if seen[feature] > 1:
            discriminator += f"_{seen[feature]}"
        if row["time_str"]:
            time = _utc(row["time_str"])
        elif row["time"] is not None:
            time = _EPOCH + timedelta(seconds=row["time"])
        else:
            time = _compact(start)
        values = {**row, **tail}
        if part == "prior" and rings:
            values["centroid_lon"], values["centroid_lat"] = _centroid(rings)
        yield _observation(
            f"SWOT_L2_HR_{product}_{part}_{version}", feature, time, discriminator, f"{crid}_{counter}", values
        )


def _observation(collection, feature, time, discriminator, version, values):
    return {
        "collection": collection,
        "feature_id": feature,
        "time": time,
        "discriminator": discriminator,
        "version": version,
        "values": {name: value for name, value in values.items() if value is not None},
    }


# --- answers of Hydrocron ---------------------------------------------------------------------------------------------


def _answer_rows(path):
    text = path.read_text(encoding="utf-8")
    try:
        body = json.loads(text)
    except json.JSONDecodeError:
        body = {"results": {"csv": text}}
    if isinstance(body, list):
        yield from body
        return
    results = body.get("results", {"geojson": body})
    if results.get("csv"):
        yield from csv.DictReader(io.StringIO(results["csv"]))
    for feature in results.get("geojson", {}).get("features", []):
        properties, geometry = feature["properties"], feature["geometry"]
        if any(isinstance(value, list) for value in properties.values()):
            for values in zip(*properties.values(), strict=True):
                yield {**dict(zip(properties, values)), "geometry": geometry}
        else:
            yield {**properties, "geometry": geometry}


def _point(geometry):
    if isinstance(geometry, dict) and geometry["type"] == "Point":
        return tuple(geometry["coordinates"])
    match = re.fullmatch(r"POINT \((\S+) (\S+)\)", geometry) if isinstance(geometry, str) else None
    return tuple(map(float, match.groups())) if match else None


def _answer_version(row, path):
    named = row.get("collection_shortname") or ""
    if named:
        return named.rsplit("_", 1)[1]
    letter = (row.get("crid") or "   ")[2]
    if letter == "C":
        return "2.0"
    if letter >= "D":
        return letter
    version = row.get("sword_version") or row.get("PLD_version")
    if version:
        return "2.0" if version in ("15", "16") or version.startswith("1") and len(version) == 3 and version.isdigit() else "D"
    return "D" if "_d_" in path.name else "2.0"


def _answer(path):
    seen = Counter()
    for row in _answer_rows(path):
        geometry = row.pop("geometry", None)
        product, part, id_column = next(
            found
            for found in (("LakeSP", "prior", "lake_id"), ("RiverSP", "node", "node_id"), ("RiverSP", "reach", "reach_id"))
            if found[2] in row
        )
        values = {}
        for name, text in row.items():
            if name.endswith("_units") or text is None:
                continue
            whole = _WHOLE.fullmatch(name) and not _NOT_WHOLE.fullmatch(name)
            values[name] = _value(text, str if _TEXT.fullmatch(name) else int if whole else float)
        point = _point(geometry)
        if part == "prior" and point and (round(point[0], 5), round(point[1], 5)) != (-20.45582, -25.56624):
            values["centroid_lon"], values["centroid_lat"] = point
        granule = (values.get("granuleUR") or "").split(".")[0].split("_")
        time = _utc(values.get("time_str") or values["range_start_time"])
        if values.get("cycle_id") is not None and values.get("pass_id") is not None:
            discriminator = f"{values['cycle_id']:03}_{values['pass_id']:03}"
        elif len(granule) == 12:
            discriminator = f"{granule[5]}_{granule[6]}"
        else:
            discriminator = time.strftime("%Y%m%dT%H%M%SZ")
        version = values.get("crid") or ""
        if len(granule) == 12:
            version += f"_{granule[11]}"
        key = (values[id_column], time, discriminator)
        seen[key] += 1
        if seen[key] > 1:
            discriminator += f"_{seen[key]}"
        collection = f"SWOT_L2_HR_{product}_{part}_{_answer_version(row, path)}"
        yield _observation(collection, values[id_column], time, discriminator, version, values)


# --- series -----------------------------------------------------------------------------------------------------------


def _filled(text, *fills):
    return None if text in fills else float(text)


def _hydroweb(path):
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            moment = datetime.strptime(f"{row['Date']} {row['Time']}", "%Y/%m/%d %H:%M").replace(tzinfo=timezone.utc)
            values = {
                "decimal_year": float(row["Decimal year"]),
                "wse": _filled(row["Height"], "9999.999"),
                "wse_u": _filled(row["Standard deviation"], "9999.999"),
                "area": _filled(row["Area"], "9999.999"),
                "volume": _filled(row["Volume"], "9999.999"),
                "datum": "orthometric, geoid not named in the source",
            }
            yield _observation("hydroweb-lakes", path.stem.removeprefix("hydroprd_"), moment, "", "", values)


def _dahiti(path):
    with path.open(newline="") as lines:
        for row in csv.DictReader(lines):
            moment = datetime.strptime(row["date"], "%Y-%m-%d").replace(tzinfo=timezone.utc)
            values = {"wse": float(row["water level"]), "wse_u": float(row["error"])}
            yield _observation("dahiti-lakes", path.name.split("_")[0], moment, "", "", values)


def _g_realm(path):
    lines = path.read_text().splitlines()
    head = {about.strip(): values.split() for values, _, about in (line.partition(":") for line in lines[:7])}
    version = lines[0].split()[0]
    feature = lines[1].split()[0]
    reference = next(about for about in head if about.startswith("Reference pass derived from"))
    reference_pass = f"{reference.removeprefix('Reference pass derived from').strip(' #')} {head[reference][0]}"
    raw = any(line.startswith("Column 16") for line in lines)
    seen = Counter()
    for line in lines:
        fields = line.split()
        if ":" in line or line.startswith("c") or not fields:
            continue
        lead, (date, hour, minute), rest = (fields[:2], fields[2:5], fields[5:]) if raw else ([], fields[:3], fields[3:])
        if date == "99999999":
            continue
        time = datetime.strptime(date, "%Y%m%d").replace(hour=int(hour), minute=int(minute), tzinfo=timezone.utc)
        values = {"reference_pass": reference_pass}
        if raw:
            values |= {
                "mission": lead[0],
                "cycle": int(lead[1]),
                "height_variation": _filled(rest[0], "999.99"),
                "height_variation_u": _filled(rest[1], "99.999"),
                "backscatter": _filled(rest[2], "999.99"),
                "wet_troposphere": rest[3],
                "ionosphere": rest[4],
                "dry_troposphere": rest[5],
                "mode_1": None if rest[6] == "9" else int(rest[6]),
                "mode_2": None if rest[7] == "9" else int(rest[7]),
                "ice": int(rest[8]),
                "wse": _filled(rest[9], "9999.99"),
                "data_source": int(rest[10]),
            }
            discriminator = "_".join(lead)
        else:
            values["height_variation_smoothed"] = _filled(rest[0], "999.99")
            values["wse_smoothed"] = _filled(rest[1], "9999.99")
            discriminator = f"smoothed_{version.split('.')[0]}"
        seen[time, discriminator] += 1
        if seen[time, discriminator] > 1:
            discriminator += f"_{seen[time, discriminator]}"
        yield _observation("g-realm-lakes", feature, time, discriminator, version, values)
