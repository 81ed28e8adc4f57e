"""Orders of zipped shapefiles as GeoParquet, GeoJSON and CSV, whole and in part, beside what GDAL reads in the same files.

Once with a shapefile that GDAL made, and once with granules of SWOT as they were published.
"""

import csv
import io
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import geopandas
import numpy
import pandas
import pyarrow.parquet as pq
import pyogrio
import pytest
import shapely
from shapely import MultiPolygon, Point, Polygon, box
from shapely.geometry import mapping, shape

from conftest import SHARED
from shop import UNDATED, Shop, item, zip_shapefile

GRANULES = SHARED / "swot" / "hydrocron_granules"
# Numbers of a granule that stand for none; only whole numbers know the shorter ones.
FILL, WHOLE_FILLS = -999999999999.0, (-999, -99999999, -999999999999)
# Texts, and lists of them, that stand for none.
NO_TEXT = re.compile(r"[\s,;]*(no_data[\s,;]*)*")
# Columns that come whatever parameters were asked for, beside ids.
NAMING = {"time", "time_str", "river_name", "lake_name"}
CASES = {"reaches": ("RiverSP_Reach", ["wse", "width"]), "lakes": ("LakeSP_Prior", ["wse", "area_total"])}


def lakes():
    """Lakes of all kinds of shapes: with an island, of two parts, a triangle, none at all, and small ones on either side."""
    island = Polygon([(0, 0), (0, 4), (4, 4), (4, 0)], [[(1, 1), (3, 1), (3, 3), (1, 3)]])
    two = MultiPolygon([box(10, 10, 11, 11), Polygon([(12, 10), (14, 10), (14, 12), (12, 12)], [[(12.5, 10.5), (13, 10.5), (13, 11)]])])
    shapes = [island, two, Polygon([(6, 0), (9, 0), (9, 3)]), None, box(-1, -1, -0.5, -0.5), box(179, -10, 180, -9)]
    return geopandas.GeoDataFrame({
        "lake_id": [f"12300000{n}1" for n in range(6)],
        "time_str": [f"2024-0{n + 1}-15T06:00:00Z" for n in range(5)] + [None],
        "lake_name": ["Léman", "Lac d'Annecy", "no_data", "ᐃᓄᒃᑐᑦ", "=1+1", None],
        "wse": [372.25, None, -12.5, 0.125, FILL, 446.0],
        "quality_f": pandas.array([0, 1, -999, None, 2, 3], dtype="Int32"),
        "nothing": pandas.array([None] * 6, dtype="Float64"),
    }, geometry=shapes, crs=4326)


def read_by_gdal(path):
    """A zipped shapefile: its shapes, and its columns without fill values, as lists."""
    source = f"/vsizip/{path}"
    frame = pyogrio.read_dataframe(source, encoding="UTF-8")
    info = pyogrio.read_info(source)
    columns = {}
    # Whole numbers some of which are missing come as other numbers: their type stands in the header alone.
    for name, kind in zip(info["fields"], info["dtypes"]):
        values = [None if pandas.isna(value) else value for value in frame[name]]
        if kind == "object":
            values = [value and value.strip() for value in values]
            columns[name] = [None if value is None or NO_TEXT.fullmatch(value) else value for value in values]
        elif kind.startswith("int"):
            columns[name] = [None if value is None or value in WHOLE_FILLS else int(value) for value in values]
        else:
            columns[name] = [None if value == FILL else value for value in values]
    return frame.geometry.to_numpy(), columns


def check_shapes(ours, theirs):
    """The same shapes to the last bit, wherever their rings begin and whichever way they turn."""
    ours, theirs = numpy.array(ours, dtype=object), numpy.array(theirs, dtype=object)
    assert ours.shape == theirs.shape
    assert (shapely.is_missing(ours) == shapely.is_missing(theirs)).all()
    placed = ~shapely.is_missing(theirs)
    same = shapely.equals_exact(shapely.normalize(ours[placed]), shapely.normalize(theirs[placed]), tolerance=0)
    assert same.all(), f"{(~same).sum()} of {len(same)} shapes differ"


def check_parquet(data, shapes, columns, folder):
    """A GeoParquet file that is valid and has these rows, in this order."""
    path = folder / "ordered.parquet"
    path.write_bytes(data)
    validator = Path(sys.executable).with_name("geoparquet-validator")
    # Of no shapes there are no statistics, which the other classes want.
    classes = [] if (~shapely.is_missing(shapes)).any() else ["--class", "core"]
    done = subprocess.run([validator, "check", *classes, path], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    table = pq.read_table(path)
    assert set(table.column_names) - {"bbox"} == {*columns, "geometry"}
    for name, values in columns.items():
        assert table[name].to_pylist() == values, name
    frame = geopandas.read_parquet(path)
    assert frame.crs == "OGC:CRS84"
    check_shapes(frame.geometry.to_numpy(), shapes)
    return table


def check_geojson(data, shapes, columns):
    features = json.loads(data)["features"]
    assert [feature["properties"] for feature in features] == [dict(zip(columns, row)) for row in zip(*columns.values())]
    check_shapes([feature["geometry"] and shape(feature["geometry"]) for feature in features], shapes)
    for feature in features:
        polygons = shapely.get_parts(shape(feature["geometry"])) if feature["geometry"] else []
        for polygon in polygons[shapely.get_type_id(polygons) == 3] if len(polygons) else []:
            assert polygon.exterior.is_ccw and not any(hole.is_ccw for hole in polygon.interiors), "RFC 7946, 3.1.6"


def check_csv(data, shapes, columns):
    csv.field_size_limit(1 << 30)
    header, *rows = csv.reader(io.StringIO(data.decode(), newline=""), strict=True)
    assert header == [*columns, "geometry"], "columns in the order of the table"
    assert len(rows) == len(shapes)
    for at, values in enumerate(columns.values()):
        for row, value in zip(rows, values):
            # A text that a table would take for a formula stands behind an apostrophe.
            own = row[at].removeprefix("'") if isinstance(value, str) else row[at]
            assert (own == "" and value is None) or type(value)(own) == value, (header[at], row[at], value)
    check_shapes([shapely.from_wkt(row[-1]) if row[-1] else None for row in rows], shapes)


def some(shapes, columns, keep, parameters):
    """The rows to keep, with the columns that come with these parameters."""
    chosen = {name for name in columns if not parameters or name.endswith("_id") or name in NAMING or name in parameters}
    kept = {name: [value for value, kept in zip(values, keep) if kept] for name, values in columns.items() if name in chosen}
    return shapes[keep], kept


def triangle_over(shapes):
    """A triangle over the south-west of what is placed; it decides otherwise than its box, else it would prove little."""
    west, south, east, north = shapely.total_bounds(shapes)
    wide, high = east - west, north - south
    triangle = Polygon([(west - wide, south - high), (east + wide, south - high), (west - wide, north + high)])
    inside = shapely.intersects(shapes, triangle)
    in_box = shapely.intersects(shapes, box(*triangle.bounds))
    assert 0 < inside.sum() < in_box.sum(), (inside.sum(), in_box.sum(), len(shapes))
    return triangle, inside


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("conversions"))
    yield shop
    shop.server.stop()


def stock(shop, id, path):
    """A collection of one item, whose file is a copy of this one."""
    if path.parent != shop.store:
        shutil.copy(path, shop.store / path.name)
    asset = {"data": {"href": path.name, "type": "application/zip", "roles": ["data"]}}
    shop.fill(id, [item(id, "one", (0, 0), UNDATED, asset)])
    return {"search": {"collections": [id]}}


def check_whole(shop, search, path, folder):
    shapes, columns = read_by_gdal(path)
    files = shop.files(shop.order([{**search, "formats": ["original", "geoparquet", "geojson", "csv"], "folder": "all"}]))
    name = f"all/{path.stem}"
    assert files.keys() == {f"{name}.zip", f"{name}.parquet", f"{name}.geojson", f"{name}.csv"}
    assert files[f"{name}.zip"] == path.read_bytes()
    table = check_parquet(files[f"{name}.parquet"], shapes, columns, folder)
    check_geojson(files[f"{name}.geojson"], shapes, columns)
    check_csv(files[f"{name}.csv"], shapes, columns)
    return table, shapes, columns


def check_part(shop, search, path, keep, parameters, folder, **part):
    """A part without any word of formats comes as GeoParquet alone; with one, in that one too."""
    shapes, columns = read_by_gdal(path)
    shapes, columns = some(shapes, columns, keep, parameters)
    subset = {**part, **({"parameters": parameters} if parameters else {})}
    files = shop.files(shop.order([
        {**search, "subset": subset, "folder": "plain"}, {**search, "subset": subset, "formats": ["csv"], "folder": "table"}]))
    assert files.keys() == {f"plain/{path.stem}.parquet", f"table/{path.stem}.csv"}
    check_parquet(files[f"plain/{path.stem}.parquet"], shapes, columns, folder)
    check_csv(files[f"table/{path.stem}.csv"], shapes, columns)


def test_a_shapefile_of_gdal_comes_whole_and_in_part(shop, tmp_path):
    path = shop.store / "made.zip"
    zip_shapefile(lakes(), path)
    search = stock(shop, "made", path)
    table, shapes, columns = check_whole(shop, search, path, tmp_path)
    # GDAL stands for what is compared with; that fill values are none and names whole is said here once more.
    assert columns["wse"] == [372.25, None, -12.5, 0.125, None, 446.0]
    assert columns["quality_f"] == [0, 1, None, None, 2, 3]
    assert columns["lake_name"] == ["Léman", "Lac d'Annecy", None, "ᐃᓄᒃᑐᑦ", "=1+1", None]
    types = {name: str(table.schema.field(name).type) for name in ("lake_id", "wse", "quality_f")}
    assert types == {"lake_id": "string", "wse": "double", "quality_f": "int64"}
    # Around the first lake, through it, on its island, between the two parts of the second one, and at a corner alone.
    for area, expected in [
        (box(-2, -2, 5, 5), [0, 4]), (Polygon([(0.5, 0.5), (8, 0.5), (8, 1.5)]), [0, 2]),
        (MultiPolygon([box(1.5, 1.5, 2.5, 2.5), box(13.5, 11.5, 20, 20)]), [1]),
        (MultiPolygon([box(11.2, 10, 11.8, 12), box(-0.5, -0.5, -0.4, -0.4)]), [4]),
    ]:
        keep = numpy.isin(numpy.arange(6), expected)
        assert (keep == shapely.intersects(shapes, area)).all()
        check_part(shop, search, path, keep, ["quality_f"], tmp_path, intersects=mapping(area))
    # Across the antimeridian, and by the time of the row.
    check_part(shop, search, path, numpy.isin(numpy.arange(6), [5]), [], tmp_path, bbox=[178, -20, -178, 0])
    check_part(shop, search, path, numpy.isin(numpy.arange(6), [1, 2]), ["wse"], tmp_path, datetime="2024-02/2024-03")
    # A row without a shape, alone.
    check_part(shop, search, path, numpy.isin(numpy.arange(6), [3]), ["wse"], tmp_path, datetime="2024-04")


def test_a_part_without_any_row_still_has_its_columns(shop, tmp_path):
    path = shop.store / "empty.zip"
    zip_shapefile(lakes(), path)
    search = stock(shop, "empty", path)
    island = mapping(box(1.5, 1.5, 2.5, 2.5))
    check_part(shop, search, path, numpy.zeros(6, dtype=bool), ["quality_f"], tmp_path, intersects=island)


def test_columns_have_the_types_of_their_table_whatever_the_rows_hold(shop):
    path = shop.store / "typed.zip"
    zip_shapefile(lakes(), path)
    search = stock(shop, "typed", path)
    files = shop.files(shop.order([
        {**search, "formats": ["geoparquet"], "folder": "all"}, {**search, "subset": {"datetime": "2024-02"}, "folder": "second"}]))
    whole, second = (pq.read_schema(io.BytesIO(files[f"{folder}/typed.parquet"])) for folder in ("all", "second"))
    types = {name: str(whole.field(name).type) for name in ("time_str", "wse", "quality_f", "nothing")}
    assert types == {"time_str": "string", "wse": "double", "quality_f": "int64", "nothing": "double"}
    # The second row has no level: tables of several parts still go together.
    assert {field.name: field.type for field in second} == {field.name: field.type for field in whole}


def test_numbers_that_gdal_marks_as_missing_are_missing(shop, tmp_path):
    path = shop.store / "marked.zip"
    zip_shapefile(lakes(), path, missing=b"*")
    search = stock(shop, "marked", path)
    _, _, columns = check_whole(shop, search, path, tmp_path)
    assert columns["wse"] == [372.25, None, -12.5, 0.125, None, 446.0] and columns["nothing"] == [None] * 6


@pytest.mark.skipif(not GRANULES.is_dir(), reason="shared data absent")
@pytest.mark.parametrize("kind", CASES)
def test_a_published_granule_comes_whole_and_in_part(shop, kind, tmp_path):
    product, parameters = CASES[kind]
    (path,) = GRANULES.glob(f"SWOT_L2_HR_{product}_*.zip")
    search = stock(shop, kind, path)
    table, shapes, columns = check_whole(shop, search, path, tmp_path)
    assert str(table.schema.field("wse").type) == "double" and str(table.schema.field("xovr_cal_q").type) == "int64"
    observed = [value for value in columns["wse"] if value is not None]
    assert 0 < len(observed) < len(columns["wse"]) and all(-500 < value < 9000 for value in observed)
    triangle, inside = triangle_over(shapes)
    check_part(shop, search, path, inside, parameters, tmp_path, intersects=mapping(triangle))
    # The first half of the rows by their times; those without one are in no period.
    times = sorted(time for time in columns["time_str"] if time)
    middle = times[len(times) // 2]
    early = numpy.array([bool(time) and time <= middle for time in columns["time_str"]])
    assert 0 < early.sum() < len(times)
    check_part(shop, search, path, early, parameters, tmp_path, datetime=f"../{middle}")
    print(f"{path.name}: {len(table)} rows of {len(columns)} columns, {len(observed)} with a level, {inside.sum()} in the triangle, "
          f"{early.sum()} until {middle}; {sum(len(values) for values in columns.values())} values compared")
