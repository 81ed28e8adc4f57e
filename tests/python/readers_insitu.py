"""Independent readers of the in-situ files: what every value of them should come to, read without our code.

`read(path)` yields one dict for each observation: collection, feature_id, time (aware, UTC), discriminator, version and
values (parameter to value, without what is missing). `FILES` names the files below the folder of shared data.
"""

import csv
import datetime as dt
import gzip
import io
import json
import re
import sqlite3
from collections import Counter
from pathlib import Path

UTC = dt.timezone.utc
ZONES = {"UTC": 0, "GMT": 0, "EST": -5, "EDT": -4, "CST": -6, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7}

_INSITU = "insitu/"
_DINO = _INSITU + "netherlands_dino_groundwater/"
_USGS = _INSITU + "usa_usgs_dataretrieval/"
_HEADS = (
    "B02H0092001_0 B02H0092001_1 B02H1007001_0 B02H1007001_1 B04D0032002_0 B04D0032002_1 B22D0155001_1 B27D0260001_0 "
    "B27D0260001_1 B33F0080001_0 B33F0080001_1 B33F0080002_0 B33F0080002_1 B33F0133001_0 B33F0133001_1 B33F0133002_0 "
    "B33F0133002_1 B37A0112001_0 B37A0112001_1 B39A0235002_0 B39A0235002_1 B42B0003001_0 B42B0003001_1 B42B0003002_0 "
    "B42B0003002_1 B42B0003003_0 B42B0003003_1 B42B0003004_0 B42B0003004_1 B58A0092004_0 B58A0092004_1 B58A0092005_0 "
    "B58A0092005_1 B58A0102001_0 B58A0102001_1 B58A0167001_0 B58A0167001_1 B58A0212001_0 B58A0212001_1"
).split()
FILES = [
    _INSITU + "france_camelsfr/camelsfr_daily.parquet",
    _INSITU + "world_laketemps/laketemps_values.parquet",
    _INSITU + "france_hubeau/naiades_nitrates_dep21.parquet",
    _INSITU + "france_hubeau/ades_yearly_mean_water_table_level.csv.gz",
    _INSITU + "canada_hydat/tinyhydat.sqlite3",
    *(_DINO + f"2019-Dino-test/Grondwaterstanden_Put/{name}.csv" for name in _HEADS),
    *(_DINO + f"2019-Dino-test/Peilschaal/P58A000{number}.csv" for number in (1, 2, 3, 5)),
    *(_DINO + f"2019-Dino-test/Grondwatersamenstellingen_Put/{name}.txt" for name in ("B52C0057", "B58A0042", "B58A0061")),
    *(
        _DINO + f"2024-Dino-test/DINO_Grondwaterstanden/{name}.csv"
        for name in (
            "B02H0089001 B02H0090001 B02H0091001 B02H0092001 B31H0137001 B31H0759001 B44F0279001 B44H0400001".split()
        )
    ),
    _USGS + "waterservices_dv.txt",
    _USGS + "waterservices_iv.txt",
    _USGS + "waterservices_peaks.txt",
    _USGS + "samples_results.txt",
    _USGS + "wqp_results.txt",
    _USGS + "wqp3_results.txt",
]


def day(date):
    """Midnight UTC of a date."""
    return dt.datetime(date.year, date.month, date.day, tzinfo=UTC)


def parse_day(text, form="%Y-%m-%d"):
    return dt.datetime.strptime(text, form).replace(tzinfo=UTC)


def tidy(text):
    return " ".join(text.split())


def present(values):
    blank = lambda value: value is None or (isinstance(value, str) and not value.strip())  # noqa: E731
    return {name: value for name, value in values.items() if not blank(value)}


def row(collection, feature, time, discriminator, values, version=""):
    return {
        "collection": collection,
        "feature_id": feature,
        "time": time,
        "discriminator": discriminator,
        "version": version,
        "values": present(values),
    }


def numbered(rows):
    """Rows that share their key get #2, #3, … in the order of the file."""
    seen = Counter()
    for one in rows:
        key = (one["feature_id"], one["time"], one["discriminator"], one["version"])
        seen[key] += 1
        if seen[key] > 1:
            one["discriminator"] += f"#{seen[key]}"
        yield one


def parquet(path):
    import pyarrow.parquet

    return pyarrow.parquet.read_table(path).to_pylist()


def camels_fr(path):
    for r in parquet(path):
        values = {
            "precipitation": r["precip_mm"],
            "air_temperature": r["temp_c"],
            "potential_evapotranspiration": r["pet_mm"],
            "discharge": r["q_ls"],
            "specific_discharge": r["q_mmd"],
        }
        yield row("camels-fr-stations", r["code_h3"], day(r["date"]), "", values)


def lake_parameter(variable):
    parts = variable.lower().split(".")
    match parts:
        case ["lake", "temp", "summer", "insitu"]:
            return "lake_temperature_summer_in_situ"
        case ["lake", "temp", "summer", "satellite"]:
            return "lake_temperature_summer_satellite"
        case ["air", "temp", statistic, season, source]:
            return f"air_temperature_{'diurnal_range' if statistic == 'dtr' else statistic}_{season}_{source}"
        case ["cloud", "cover", season]:
            return f"cloud_cover_{season}"
        case ["radiation", kind, season]:
            return f"radiation_{kind}_{season}"
    raise ValueError(variable)


def lake_temperatures(path):
    found = {}
    for r in parquet(path):
        if r["siteID"] is None:
            continue
        key = (r["siteID"], r["year"])
        found.setdefault(key, {})[lake_parameter(r["variable"])] = r["value"]
    for (site, year), values in found.items():
        yield row("laketemps-lakes", str(site), dt.datetime(year, 1, 1, tzinfo=UTC), "", values)


def nitrates(path):
    names = {"mg(NO3)/L": "nitrate", "mg/L": "nitrate_unspecified", "mg(CO3)/L": "nitrate_as_co3"}
    for r in parquet(path):
        values = {names[r["symbole_unite"]]: r["resultat"]}
        yield row("naiades-stations", r["code_station"], day(r["date_prelevement"]), r["libelle_fraction"], values)


def water_table(path):
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        for r in csv.DictReader(file):
            time = dt.datetime(int(r["year"]), 1, 1, tzinfo=UTC)
            values = {"water_table_level": float(r["yearly_mean_water_table_level"])}
            yield row("ades-piezometers", r["code_bss"], time, "", values)


LOCAL_DATUMS = {None, 10, 11, 12, 13, 14, 405}


def hydat(path):
    connection = sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True)
    connection.row_factory = sqlite3.Row
    version, date = connection.execute("SELECT Version, Date FROM VERSION").fetchone()
    version = f"{version} {date[:10]}"
    datums = dict(connection.execute("SELECT STATION_NUMBER, DATUM_ID FROM STATIONS").fetchall())

    def name(base, station):
        datum = datums.get(station)
        return base if not base.startswith("water_level") or datum in LOCAL_DATUMS else f"{base}_datum_{datum}"

    def one(station, time, discriminator, values):
        return row("hydat-stations", station, time, discriminator, values, version)

    def table(which):
        return connection.execute(f"SELECT * FROM {which}")

    monthly = [
        ("DLY_FLOWS", "FLOW", "FLOW_SYMBOL", "discharge", "flow"),
        ("DLY_LEVELS", "LEVEL", "LEVEL_SYMBOL", "water_level", "level"),
        ("SED_DLY_LOADS", "LOAD", None, "sediment_load", "load"),
        ("SED_DLY_SUSCON", "SUSCON", "SUSCON_SYMBOL", "suspended_sediment_concentration", "suscon"),
    ]
    for which, column, symbol, base, told in monthly:
        for r in table(which):
            first = dt.datetime(r["YEAR"], r["MONTH"], 1, tzinfo=UTC)
            time = first
            while time.month == first.month:
                values = {name(base, r["STATION_NUMBER"]): r[f"{column}{time.day}"]}
                if symbol:
                    values["symbol"] = r[f"{symbol}{time.day}"]
                yield one(r["STATION_NUMBER"], time, told, values)
                time += dt.timedelta(days=1)
    bases = {"Q": "discharge", "H": "water_level", "S": "suspended_sediment_concentration", "T": "sediment_load"}
    for r in table("ANNUAL_INSTANT_PEAKS"):
        what = {"H": "maximum", "L": "minimum"}[r["PEAK_CODE"]]
        zone = dt.timezone(dt.timedelta(hours=ZONES[r["TIME_ZONE"]]))
        time = dt.datetime(r["YEAR"], r["MONTH"], r["DAY"], r["HOUR"], r["MINUTE"], tzinfo=zone).astimezone(UTC)
        parameter = name(f"{bases[r['DATA_TYPE']]}_peak_{what}", r["STATION_NUMBER"])
        values = {parameter: r["PEAK"], "symbol": r["SYMBOL"]}
        yield one(r["STATION_NUMBER"], time, f"peak:{r['DATA_TYPE']}:{r['PEAK_CODE']}", values)
    for r in table("ANNUAL_STATISTICS"):
        station, kind = r["STATION_NUMBER"], r["DATA_TYPE"]
        begin = dt.datetime(r["YEAR"], 1, 1, tzinfo=UTC)
        yield one(station, begin, f"annual:{kind}:mean", {name(f"{bases[kind]}_annual_mean", station): r["MEAN"]})
        for prefix, what in (("MIN", "minimum"), ("MAX", "maximum")):
            if r[prefix] is None:
                continue
            month, number = r[f"{prefix}_MONTH"], r[f"{prefix}_DAY"]
            time = dt.datetime(r["YEAR"], month, number, tzinfo=UTC) if month and number else begin
            values = {name(f"{bases[kind]}_annual_{what}", station): r[prefix], "symbol": r[f"{prefix}_SYMBOL"]}
            yield one(station, time, f"annual:{kind}:{what}", values)
    numbers = {
        "FLOW": "sample_discharge",
        "TEMPERATURE": "sample_temperature",
        "CONCENTRATION": "sample_concentration",
        "DISSOLVED_SOLIDS": "sample_dissolved_solids",
        "SAMPLE_DEPTH": "sample_depth",
        "SV_DEPTH1": "sample_depth_upper",
        "SV_DEPTH2": "sample_depth_lower",
    }
    texts = {
        "SAMPLE_REMARK_CODE": "sample_remark",
        "TIME_SYMBOL": "time_symbol",
        "FLOW_SYMBOL": "sample_discharge_symbol",
        "SAMPLER_TYPE": "sampler_type",
        "SAMPLING_VERTICAL_LOCATION": "sampling_vertical",
        "SAMPLING_VERTICAL_SYMBOL": "sampling_vertical_symbol",
        "CONCENTRATION_SYMBOL": "symbol",
        "STREAMBED": "streambed",
    }
    for r in table("SED_SAMPLES"):
        date, clock = r["DATE"][:10], r["DATE"][11:19]
        values = {to: r[column] for column, to in numbers.items()} | {"time_local": clock}
        values |= {to: tidy(str(r[column])) for column, to in texts.items() if r[column] is not None}
        yield one(r["STATION_NUMBER"], parse_day(date), f"sample:{r['SED_DATA_TYPE']}:{clock}", values)
    for r in table("SED_SAMPLES_PSD"):
        date, clock, size = r["DATE"][:10], r["DATE"][11:19], r["PARTICLE_SIZE"]
        values = {"particle_size": size, "particle_percent_finer": r["PERCENT"], "time_local": clock}
        told = f"grain:{r['SED_DATA_TYPE']}:{clock}:{shortest(size)}"
        yield one(r["STATION_NUMBER"], parse_day(date), told, values)


def shortest(number):
    """A float without an exponent, and without a fraction of zero."""
    text = repr(number)
    return text[:-2] if text.endswith(".0") else text


def dino_date(text):
    for form, pattern in (("%d-%m-%Y", r"\d\d-\d\d-\d{4}"), ("%Y/%m/%d", r"\d{4}/\d\d/\d\d"), ("%d/%m/%Y", r"\d\d/\d\d/\d{4}")):
        if re.match(pattern, text):
            return parse_day(text[:10], form), text[10:].strip()
    raise ValueError(text)


def dino_levels(path):
    text = Path(path).read_text(encoding="utf-8", errors="replace")
    export = re.search(r'^"?Datum:[\s",]*(\d\d[-/]\d\d[-/]\d{4})', text, re.M).group(1)
    reference = "NAP" if re.search(r'^"?Referentie:[\s",]*NAP', text, re.M) else "MV"
    version = f"{dino_date(export)[0]:%Y-%m-%d} {reference}"
    columns = None
    for line in text.splitlines():
        fields = next(csv.reader([line])) if line.startswith('"') else line.split(",")
        fields = [tidy(field) for field in fields]
        if not any(fields):
            continue
        if fields[0].lower() == "locatie":
            heads = [re.sub(r"[^a-z0-9]", "", field.lower()) for field in fields]
            columns = heads if any(head.startswith("peildatum") for head in heads) else None
            continue
        if columns is None:
            continue
        r = dict(zip(columns, fields))
        gauge = "filternummer" not in r
        time, clock = dino_date(r.get("peildatum") or r["peildatumtijd"])
        values = {
            "depth_below_mp": r.get("standcmtovmp"),
            "depth_below_mv": r.get("standcmtovmv") or r.get("standmv"),
            "water_level_nap" if gauge else "head_nap": r.get("standcmtovnap"),
        }
        values = {name: float(value) for name, value in present(values).items()}
        values["remark"] = r.get("bijzonderheid")
        if "opmerking" in columns:
            values["note"] = ", ".join(fields[columns.index("opmerking") :]).rstrip(", ")
        values["time_local"] = None if clock == "00:00:00" else clock
        feature = r["locatie"] if gauge else f"{r['locatie']}_{r['filternummer']}"
        yield row("dino-stations", feature, time, "", values, version)


def dino_quality(path):
    tables = {}
    for block in re.split(r"^.*gegevens.*\n", Path(path).read_text(encoding="utf-8"), flags=re.M):
        lines = [line.split("\t") for line in block.splitlines() if line.strip()]
        if lines:
            tables["Monster datum" in lines[0]] = lines
    heading, *samples = tables[True]
    own = {
        "Monster apparatuur": "sampler",
        "Mengmonster": "mixed_sample",
        "Analyse datum": "analysis_date",
        "Bovenkant monster (cm tov MV)": "sample_top_mv_cm",
        "Onderkant monster (cm tov MV)": "sample_bottom_mv_cm",
    }

    def slug(text):
        return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()

    for fields in samples:
        r = {name.strip(): value.strip() for name, value in zip(heading, fields) if name.strip()}
        values = {}
        for name, value in present(r).items():
            unit = re.fullmatch(r"(.+) \((.+)\)", name)
            if name == "Analyse datum":
                values["analysis_date"] = f"{dino_date(value)[0]:%Y-%m-%d}"
            elif name in ("Monster apparatuur", "Mengmonster"):
                values[own[name]] = value
            elif name in own:
                values[own[name]] = float(value)
            elif unit:
                key = slug(unit[1]) if unit[2] == "-" else f"{slug(unit[1])}_{slug(unit[2])}"
                values[key] = float(value)
        yield row("dino-stations", r["NITG-nr"], dino_date(r["Monster datum"])[0], r["Monster-nr"], values)


USGS_WORDS = {
    "00010": "water_temperature",
    "00045": "precipitation",
    "00060": "discharge",
    "00065": "gage_height",
    "00095": "specific_conductance",
    "00300": "dissolved_oxygen",
    "00400": "ph",
    "62614": "lake_elevation",
    "62615": "lake_elevation",
    "72019": "depth_to_water",
    "80154": "suspended_sediment_concentration",
    "80155": "suspended_sediment_load",
}


def usgs_json(path):
    answer = json.loads(Path(path).read_text(encoding="utf-8"))
    for series in answer["value"]["timeSeries"]:
        site, variable = series["sourceInfo"]["siteCode"][0], series["variable"]
        feature = f"{site.get('agencyCode') or 'USGS'}-{site['value']}"
        code = variable["variableCode"][0]["value"]
        statistic = variable["options"]["option"][0].get("optionCode", "00000")
        name = f"{USGS_WORDS.get(code, 'parameter')}_{code}" + ("" if statistic == "00000" else f"_{statistic}")
        for values in series["values"]:
            told = str(values["method"][0].get("methodID", ""))
            for measured in values["value"]:
                time = dt.datetime.fromisoformat(measured["dateTime"])
                time = time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)
                number = float(measured["value"])
                found = {name: None if number == variable.get("noDataValue") else number}
                found["qualifiers"] = " ".join(measured["qualifiers"])
                yield row("usgs-nwis", feature, time, told, found)


def usgs_peaks(path):
    lines = [line for line in Path(path).read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    rows = csv.DictReader(io.StringIO("\n".join([lines[0], *lines[2:]])), delimiter="\t")
    for r in rows:
        feature = f"{r['agency_cd']}-{r['site_no']}"

        def number(column):
            return float(r[column]) if r[column] else None

        values = {
            "annual_peak_discharge": number("peak_va"),
            "annual_peak_discharge_codes": r["peak_cd"],
            "annual_peak_gage_height": number("gage_ht"),
            "annual_peak_gage_height_codes": r["gage_ht_cd"],
            "time_local": r["peak_tm"],
            "highest_since": r["year_last_pk"],
        }
        yield row("usgs-nwis", feature, parse_day(r["peak_dt"]), "peak", values)
        if r["ag_gage_ht"]:
            values = {
                "annual_maximum_gage_height": number("ag_gage_ht"),
                "annual_peak_gage_height_codes": r["ag_gage_ht_cd"],
                "time_local": r["ag_tm"],
            }
            yield row("usgs-nwis", feature, parse_day(r["ag_dt"]), "maximum gage height", values)


RESULTS = {
    "location": ("MonitoringLocationIdentifier", "Location_Identifier"),
    "activity": ("ActivityIdentifier", "Activity_ActivityIdentifier"),
    "date": ("ActivityStartDate", "Activity_StartDate"),
    "time": ("ActivityStartTime/Time", "Activity_StartTime"),
    "zone": ("ActivityStartTime/TimeZoneCode", "Activity_StartTimeZone"),
    "characteristic": ("CharacteristicName", "Result_Characteristic"),
    "value": ("ResultMeasureValue", "Result_Measure"),
    "unit": ("ResultMeasure/MeasureUnitCode", "Result_MeasureUnit"),
    "result": ("ResultIdentifier", "Result_MeasureIdentifier"),
    "fraction": ("ResultSampleFractionText", "Result_SampleFraction"),
    "detection_condition": ("ResultDetectionConditionText", "Result_ResultDetectionCondition"),
    "status": ("ResultStatusIdentifier", "Result_MeasureStatusIdentifier"),
    "qualifiers": ("MeasureQualifierCode", "Result_MeasureQualifierCode"),
    "usgs_parameter_code": ("USGSPCode", "USGSpcode"),
    "medium": ("ActivityMediaName", "Activity_Media"),
}


def results(path):
    with open(path, encoding="utf-8", newline="") as file:
        for raw in csv.DictReader(file):
            layout = 0 if "CharacteristicName" in raw else 1
            r = {name: tidy(raw.get(columns[layout]) or "") for name, columns in RESULTS.items()}

            def slug(text):
                return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_").lower()

            unit = "percent" if r["unit"] == "%" else slug(r["unit"])
            name = slug(r["characteristic"])[: 100 - min(len(unit), 40)]
            name = f"{name}_{unit}"[:120] if unit else name
            values = {key: r[key] for key in list(RESULTS)[9:]}
            time = parse_day(r["date"])
            if r["time"]:
                zone = dt.timezone(dt.timedelta(hours=ZONES[r["zone"]]))
                time = dt.datetime.fromisoformat(f"{r['date']}T{r['time']}").replace(tzinfo=zone).astimezone(UTC)
            else:
                values["time_precision"] = "day"
            try:
                values[name] = float(r["value"])
            except ValueError:
                values["value_text"] = r["value"]
            told = f"{r['activity']}/{r['result'] or name}"
            yield row("water-quality-portal", r["location"], time, told, values)


def reader(path):
    """The reader of a file, by its name."""
    name = Path(path).name
    by_name = {
        "camelsfr_daily.parquet": camels_fr,
        "laketemps_values.parquet": lake_temperatures,
        "naiades_nitrates_dep21.parquet": nitrates,
        "ades_yearly_mean_water_table_level.csv.gz": water_table,
        "tinyhydat.sqlite3": hydat,
        "waterservices_dv.txt": usgs_json,
        "waterservices_iv.txt": usgs_json,
        "waterservices_peaks.txt": usgs_peaks,
        "samples_results.txt": results,
        "wqp_results.txt": results,
        "wqp3_results.txt": results,
    }
    if name in by_name:
        return by_name[name]
    if "Grondwatersamenstellingen" in str(path):
        return dino_quality
    if "Dino" in str(path):
        return dino_levels
    raise ValueError(f"no reader for {path}")


def read(path):
    """The observations of a file."""
    yield from numbered(reader(path)(path))
