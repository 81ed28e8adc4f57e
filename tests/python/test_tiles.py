"""Vector tiles as foreign programs read them: mapbox-vector-tile decodes, Shapely judges shapes, H3 judges cells."""

import gzip
import itertools
import json
import math
import re

import h3
import mapbox_vector_tile
import pmtiles.reader
import pytest
import requests
import shapely
import shapely.affinity
import shapely.geometry
from conftest import ROOT

TILES = "tiles/WebMercatorQuad"
MVT = "application/vnd.mapbox-vector-tile"
EXTENT, BUFFER, PIXEL = 4096, 64, 8
WORLD_M = 2 * 20037508.342789244
GEODATA = "http://www.opengis.net/def/rel/ogc/1.0/tilesets-vector"


def share_y(lat):
    return 0.5 - math.asinh(math.tan(math.radians(lat))) / (2 * math.pi)


def tile_at(zoom, lon, lat):
    """Row and column of the tile that holds a position."""
    size = 1 << zoom
    place = lambda share: min(size - 1, max(0, int(share * size)))  # noqa: E731
    return place(share_y(lat)), place((lon + 180) / 360)


def degrees(zoom, row, col, x, y):
    """Longitude and latitude of a point in a tile's units, y downward."""
    size = 1 << zoom
    lon = (col + x / EXTENT) / size * 360 - 180
    return lon, math.degrees(math.atan(math.sinh(math.pi * (1 - 2 * (row + y / EXTENT) / size))))


def frame(zoom, row, col):
    """West, south, east, north of a tile with its buffer."""
    west, south = degrees(zoom, row, col, -BUFFER, EXTENT + BUFFER)
    east, north = degrees(zoom, row, col, EXTENT + BUFFER, -BUFFER)
    return west, south, east, north


def to_units(zoom, row, col):
    """The projection of a tile, for `shapely.transform`."""
    size = 1 << zoom
    return lambda points: [
        (((lon + 180) / 360 * size - col) * EXTENT, (share_y(lat) * size - row) * EXTENT) for lon, lat in points]


def get(url, path, **parameters):
    return requests.get(f"{url}/{path}", params=parameters, timeout=120)


def decoded(answer):
    """The layers of an answer as lists of (geometry, properties), y downward; every shape is checked."""
    assert answer.status_code in (200, 204), answer.text
    if answer.status_code == 204:
        assert not answer.content and "content-type" not in answer.headers
        return {}
    assert answer.headers["content-type"] == MVT
    assert 0 < len(answer.content) <= 500_000
    layers = mapbox_vector_tile.decode(answer.content, default_options={"y_coord_down": True})
    for name, layer in layers.items():
        assert layer["extent"] == EXTENT and layer["version"] == 2 and layer["features"], name
    return {
        name: [(judged(feature["geometry"]), feature["properties"]) for feature in layer["features"]]
        for name, layer in layers.items()
    }


def judged(geometry):
    """The shape, which must be valid, within the buffer, and turn the way the specification says."""
    shape = shapely.geometry.shape(geometry)
    assert shape.is_valid and not shape.is_empty, (shapely.is_valid_reason(shape), geometry)
    west, north, east, south = shape.bounds
    assert west >= -BUFFER and north >= -BUFFER and east <= EXTENT + BUFFER and south <= EXTENT + BUFFER, shape.bounds
    for part in getattr(shape, "geoms", [shape]):
        if part.geom_type == "Polygon":
            # Positive by the surveyor's formula with y downward, which Shapely calls counter-clockwise.
            assert part.exterior.is_ccw and not any(hole.is_ccw for hole in part.interiors)
    return shape


def tile(url, zoom, row, col, base="", **parameters):
    return decoded(get(url, f"{base}{TILES}/{zoom}/{row}/{col}", **parameters))


def names(layer):
    return {(properties["collection"], properties["id"]) for _, properties in layer}


def search(url, **parameters):
    """Collection and id of all items of a search."""
    found, page = set(), get(url, "search", limit=10_000, fields="id,collection", **parameters)
    while True:
        assert page.status_code == 200, page.text
        body = page.json()
        found.update((item["collection"], item["id"]) for item in body["features"])
        following = [link["href"] for link in body["links"] if link["rel"] == "next"]
        if not following:
            assert len(found) == body["numberMatched"]
            return found
        page = requests.get(following[0], timeout=120)


def first_items(url, limit, **parameters):
    """Some items of a search, whole."""
    answer = get(url, "search", limit=limit, **parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()["features"]


def within_frame(address, **parameters):
    """The parameters of the same search within a tile's frame."""
    west, south, east, north = frame(*address)
    box = f"S_INTERSECTS(geometry, BBOX({max(west, -180)!r}, {south!r}, {min(east, 180)!r}, {north!r}))"
    condition = parameters.pop("filter", None)
    return {**parameters, "filter": f"{box} AND ({condition})" if condition else box}


def shapes_from(url, base="", **parameters):
    """First zoom with shapes, as TileJSON tells it."""
    layers = get(url, f"{base}{TILES}/tilejson.json", **parameters).json()["vector_layers"]
    return next(layer["minzoom"] for layer in layers if layer["id"] == "items")


# Each part of the question, and several at once; where it looks.
FRANCE = json.dumps({"type": "Polygon", "coordinates": [[[-4, 43], [7, 43], [8, 48], [2, 51], [-4, 48], [-4, 43]]]})
QUESTIONS = [
    {"collections": "countries"},
    {"bbox": "5,44,9,48"},
    {"bbox": "170,-30,-170,10"},
    {"intersects": FRANCE, "collections": "lakes,rivers"},
    {"intersectsRefs": "countries.CHE"},
    {"q": "leman"},
    {"datetime": "2024-01-01T00:00:00Z/2024-01-20T00:00:00Z"},
    {"filter": "title LIKE 'R%' OR name LIKE 'L%'"},
    {"filter": "NOT S_INTERSECTS(geometry, BBOX(-30, -60, 60, 60))", "collections": "lakes,countries"},
    {"collections": "rivers,lakes", "q": "the", "bbox": "-120,20,-60,60"},
]


@pytest.fixture(scope="module")
def questions(url, passes):
    """The questions that find something, with the first id of one of them as a question of its own."""
    ids = [item["id"] for item in first_items(url, 5, collections="countries")]
    asked = [*QUESTIONS, {"ids": ",".join(ids)}]
    found = [question for question in asked if get(url, "search", limit=1, **question).json()["numberMatched"]]
    assert len(found) >= 8, found
    return found


def test_every_part_of_the_question_shapes_the_tiles(url, questions):
    compared = 0
    for question in questions:
        first = shapes_from(url, **question)
        places = [(lon, lat) for lon, lat in (
            shapely.geometry.shape(item["geometry"]).representative_point().coords[0]
            for item in first_items(url, 20, **question) if item["geometry"]) if abs(lat) < 84]
        for zoom in sorted({first, min(first + 3, 10), 11}):
            for lon, lat in places[:: max(1, len(places) // 3)][:3]:
                address = (zoom, *tile_at(zoom, lon, lat))
                layers = tile(url, *address, **question)
                if "notice" in layers:
                    continue
                expected = search(url, **within_frame(address, **question))
                drawn = names(layers.get("items", []))
                differing = drawn ^ expected
                assert not differing, (question, address, sorted(differing)[:5])
                compared += len(drawn)
    assert compared > 100


def test_far_out_an_item_counts_once_in_every_cell_it_touches(url, questions):
    checked = 0
    asked = [(question, zoom) for question in [{}, {"datetime": "../2030-01-01T00:00:00Z"}] for zoom in (0, 1, 2)]
    for question, zoom in asked:
        if shapes_from(url, **question) < zoom:
            continue
        for row, col in itertools.islice(itertools.product(range(1 << zoom), repeat=2), 1, 1 << 2 * zoom, 5):
            cells = tile(url, zoom, row, col, **question).get("grid", [])
            assert len({properties["cell"] for _, properties in cells}) == len(cells)
            for shape, properties in cells[::97]:
                ring = [(lon, lat) for lat, lon in h3.cell_to_boundary(properties["cell"])]
                # Cells at the antimeridian and around a pole are not one ring in longitude and latitude.
                if max(p[0] for p in ring) - min(p[0] for p in ring) > 180 or max(abs(p[1]) for p in ring) > 80:
                    continue
                polygon = json.dumps({"type": "Polygon", "coordinates": [[*ring, ring[0]]]})
                matched = get(url, "search", limit=1, intersects=polygon, **question).json()["numberMatched"]
                assert properties["count"] == matched, (zoom, row, col, properties)
                west, south, east, north = frame(zoom, row, col)
                inside = shapely.intersection(shapely.Polygon(ring), shapely.box(west, south, east, north))
                assert shape.intersects(shapely.transform(inside, to_units(zoom, row, col)).buffer(PIXEL))
                checked += 1
    assert checked > 10


def test_cells_make_no_streaks_across_the_map(url):
    for _, properties in tile(url, 0, 0, 0)["grid"]:
        assert properties["count"] > 0
    for shape, properties in tile(url, 0, 0, 0)["grid"]:
        ring = h3.cell_to_boundary(properties["cell"])
        if max(abs(lat) for lat, _ in ring) < 70:
            widest = max(part.bounds[2] - part.bounds[0] for part in getattr(shape, "geoms", [shape]))
            assert widest < EXTENT / 8, properties


def test_neighbouring_tiles_together_show_a_shape_without_gaps(url):
    for zoom, id in ((4, "FRA"), (5, "CHE"), (3, "BRA"), (3, "FJI")):
        [item] = first_items(url, 1, collections="countries", ids=id)
        whole = shapely.geometry.shape(item["geometry"])
        size = (1 << zoom) * EXTENT
        world = shapely.transform(whole, lambda points: [
            ((lon + 180) / 360 * size, share_y(lat) * size) for lon, lat in points])
        pieces = []
        for row, col in itertools.product(range(1 << zoom), repeat=2):
            if not whole.intersects(shapely.box(*frame(zoom, row, col))):
                continue
            for shape, properties in tile(url, zoom, row, col, ids=id, collections="countries").get("items", []):
                assert properties["id"] == id
                if shape.geom_type.endswith("Polygon"):
                    # Without the buffer: gaps at the edges would show.
                    cut = shape.intersection(shapely.box(0, 0, EXTENT, EXTENT))
                    pieces.append(shapely.affinity.translate(cut, col * EXTENT, row * EXTENT))
        together = shapely.union_all(pieces)
        differs = together.symmetric_difference(shapely.make_valid(world))
        assert differs.buffer(-PIXEL / 2).area < 2 * PIXEL * PIXEL, (id, differs.area)


def test_latest_values_and_other_properties_are_attributes(url):
    [item] = first_items(url, 1, filter="observations:count > 0", sortby="id")
    collection, id = item["collection"], item["id"]
    lon, lat = shapely.geometry.shape(item["geometry"]).representative_point().coords[0]
    address = (12, *tile_at(12, lon, lat))
    chosen = "observations:count,properties.observations:last,no_such_property,datetime,id"
    features = [properties for _, properties in tile(url, *address, properties=chosen)["items"]]
    mine = next(p for p in features if (p["collection"], p["id"]) == (collection, id))
    assert isinstance(mine["observations:count"], int) and mine["observations:count"] > 0
    assert re.match(r"\d{4}-\d\d-\d\dT", mine["observations:last"])
    assert "no_such_property" not in mine
    bare = [properties for _, properties in tile(url, *address)["items"]]
    assert all(set(p) <= {"id", "collection", "title"} for p in bare)


def test_a_crowded_tile_says_what_it_has_no_room_for(url, key):
    headers = {"authorization": f"Bearer {key}"}
    collection = {"type": "Collection", "stac_version": "1.1.0", "id": "crowd", "title": "Crowd", "description": "d",
                  "license": "CC0-1.0", "links": []}
    requests.post(f"{url}/collections", json=collection, headers=headers, timeout=60).raise_for_status()
    try:
        size = lambda n: 1e-5 * (1 + n % 100)  # noqa: E731
        lines = [json.dumps({
            "type": "Feature", "stac_version": "1.1.0", "id": f"a-crowd-of-items-with-a-long-name-{n:06}",
            "geometry": {"type": "Polygon", "coordinates": [[
                [9, -52], [9 + size(n), -52], [9 + size(n), -52 + size(n)], [9, -52 + size(n)], [9, -52]]]},
            "properties": {"datetime": "2024-01-01T00:00:00Z", "title": f"Item {n} of a crowd", "size": n % 100},
            "links": [], "assets": {}}) for n in range(12_000)]
        answer = requests.post(f"{url}/collections/crowd/items", data="\n".join(lines), timeout=300,
                               headers={**headers, "content-type": "application/x-ndjson"})
        assert answer.status_code == 200, answer.text
        row, col = tile_at(13, 9.0001, -51.9999)
        answer = get(url, f"collections/crowd/{TILES}/13/{row}/{col}")
        layers = decoded(answer)
        [(_, notice)] = layers["notice"]
        left_out = int(answer.headers["x-nilometer-left-out"])
        assert notice == {"items": 12_000, "left_out": left_out, "attributes_left_out": True}
        assert len(layers["items"]) == 12_000 - left_out and 0 < left_out < 12_000
        assert all(set(properties) == {"id", "collection"} for _, properties in layers["items"])
        kept = {int(properties["id"][-6:]) % 100 for _, properties in layers["items"]}
        gone = {n % 100 for n in range(12_000)} - kept
        assert not gone or max(gone) < min(kept), "the smallest are left out first"
        assert len(answer.content) > 400_000
        # Fewer have room, with all that belongs to them.
        few = get(url, f"collections/crowd/{TILES}/13/{row}/{col}", filter="size < 10", properties="size")
        assert "x-nilometer-left-out" not in few.headers
        layers = decoded(few)
        assert len(layers["items"]) == 1_200 and "notice" not in layers
        assert all(set(p) == {"id", "collection", "title", "size"} for _, p in layers["items"])
    finally:
        requests.delete(f"{url}/collections/crowd", headers=headers, timeout=60).raise_for_status()


def test_hidden_items_are_on_no_tile_but_an_operator_s(url, key):
    headers = {"authorization": f"Bearer {key}"}
    collection = {"type": "Collection", "stac_version": "1.1.0", "id": "unpublished", "description": "d",
                  "license": "CC0-1.0", "links": [], "nilometer:access": "hidden"}
    requests.post(f"{url}/collections", json=collection, headers=headers, timeout=60).raise_for_status()
    try:
        row, col = tile_at(14, -120.5, -45.25)
        path, grid = f"{TILES}/14/{row}/{col}", f"{TILES}/1/1/0"
        public = get(url, grid)
        before = {p["cell"]: p["count"] for _, p in decoded(public)["grid"]}
        item = {"type": "Feature", "stac_version": "1.1.0", "id": "secret", "geometry": {"type": "Point", "coordinates": [-120.5, -45.25]},
                "properties": {"datetime": "2024-01-01T00:00:00Z"}, "links": [], "assets": {}}
        requests.post(f"{url}/collections/unpublished/items", json=item, headers=headers, timeout=60).raise_for_status()
        secret = ("unpublished", "secret")
        assert secret not in names(decoded(get(url, path)).get("items", []))
        assert {p["cell"]: p["count"] for _, p in decoded(get(url, grid))["grid"]} == before
        assert get(url, f"collections/unpublished/{path}").status_code == 404
        seen = requests.get(f"{url}/{path}", headers=headers, timeout=60)
        assert secret in names(decoded(seen)["items"])
        assert seen.headers["cache-control"].startswith("private")
        after = {p["cell"]: p["count"] for _, p in decoded(requests.get(f"{url}/{grid}", headers=headers, timeout=60))["grid"]}
        assert sum(after.values()) > sum(before.values())
        assert secret not in names(decoded(get(url, path)).get("items", [])), "what an operator saw is not kept for others"
    finally:
        requests.delete(f"{url}/collections/unpublished", headers=headers, timeout=60).raise_for_status()


def test_a_tag_saves_the_tile_and_a_write_changes_it(url, key, passes):
    collection, item = passes
    lon, lat = item["geometry"]["coordinates"][0][0]
    path = f"collections/{collection}/{TILES}/7/{'/'.join(map(str, tile_at(7, lon, lat)))}"
    first = get(url, path)
    tag = first.headers["etag"]
    assert not tag.startswith("W/") or "content-encoding" in first.headers
    again = requests.get(f"{url}/{path}", headers={"if-none-match": tag}, timeout=60)
    assert again.status_code == 304 and not again.content
    changed = json.loads(json.dumps(item))
    changed["properties"]["title"] = "Another title"
    headers = {"authorization": f"Bearer {key}"}
    address = f"{url}/collections/{collection}/items/{item['id']}"
    requests.put(address, json=changed, headers=headers, timeout=60).raise_for_status()
    try:
        after = requests.get(f"{url}/{path}", headers={"if-none-match": tag}, timeout=60)
        assert after.status_code == 200 and after.headers["etag"] != tag
        titles = {properties["id"]: properties["title"] for _, properties in decoded(after)["items"]}
        assert titles[item["id"]] == "Another title"
    finally:
        requests.put(address, json=item, headers=headers, timeout=60).raise_for_status()


def test_a_kept_question_has_tiles_of_its_own(url, questions):
    saved = requests.post(f"{url}/searches", json={"intersects": json.loads(FRANCE), "collections": ["rivers", "lakes"]}, timeout=60)
    base = f"searches/{saved.json()['id']}/"
    assert GEODATA in {link["rel"] for link in saved.json()["links"]}
    address = (6, *tile_at(6, 3, 46))
    assert names(tile(url, *address, base=base)["items"]) == names(
        tile(url, *address, intersects=FRANCE, collections="rivers,lakes")["items"])
    assert get(url, f"{base}tiles").status_code == 200
    assert get(url, f"searches/nothing/{TILES}/0/0/0").status_code == 404
    assert get(url, f"{base}{TILES}/0/0/0", q="lake").status_code == 400


def test_documents_have_what_the_standard_and_tilejson_want(url):
    landing = requests.get(f"{url}/", headers={"accept": "application/json"}, timeout=60).json()
    link = next(link for link in landing["links"] if link["rel"] == GEODATA)
    for base, parameters in (("", {"q": "lake & river", "datetime": "2020-01-01T00:00:00Z/.."}), ("collections/lakes/", {"filter": "id <> 'a'"})):
        listing = get(url, f"{base}tiles", properties="title", **parameters).json()
        [tileset] = listing["tilesets"]
        assert {"dataType", "crs", "links"} <= set(tileset) and tileset["dataType"] == "vector"
        own = next(link["href"] for link in tileset["links"] if link["rel"] == "self")
        described = requests.get(own, timeout=60).json()
        assert tileset["tileMatrixSetURI"] == described["tileMatrixSetURI"]
        assert {layer["id"] for layer in described["layers"]} >= {"items"}
        assert all(layer["dataType"] == "vector" for layer in described["layers"])
        rels = {link["rel"] for link in described["links"]}
        assert {"self", "item", "http://www.opengis.net/def/rel/ogc/1.0/tiling-scheme"} <= rels
        item = next(link for link in described["links"] if link["rel"] == "item")
        assert item["templated"] is True and item["type"] == MVT
        href = item["href"].replace("{tileMatrix}", "0").replace("{tileRow}", "0").replace("{tileCol}", "0")
        by_link = requests.get(href, timeout=60)
        tilejson = get(url, f"{base}{TILES}/tilejson.json", properties="title", **parameters).json()
        assert tilejson["tilejson"] == "3.0.0" and tilejson["minzoom"] == 0 and tilejson["maxzoom"] >= 10
        assert len(tilejson["bounds"]) == 4 and {layer["id"] for layer in tilejson["vector_layers"]} >= {"items"}
        address = tilejson["tiles"][0].replace("{z}", "0").replace("{y}", "0").replace("{x}", "0")
        assert requests.get(address, timeout=60).content == by_link.content == get(
            url, f"{base}{TILES}/0/0/0", properties="title", **parameters).content
    assert link["href"] == f"{url}/tiles"
    sets = get(url, "tileMatrixSets").json()["tileMatrixSets"]
    assert [s["id"] for s in sets] == ["WebMercatorQuad"]
    matrices = get(url, "tileMatrixSets/WebMercatorQuad").json()["tileMatrices"]
    assert matrices[0]["matrixWidth"] == 1 and math.isclose(matrices[3]["cellSize"] * 256 * 8, WORLD_M)
    conforms = set(get(url, "conformance").json()["conformsTo"])
    for part in ("core", "tileset", "tilesets-list", "geodata-tilesets", "mvt"):
        assert f"http://www.opengis.net/spec/ogcapi-tiles-1/1.0/conf/{part}" in conforms


def test_what_cannot_be_answered_is_refused_plainly(url):
    for path, status in (
        (f"{TILES}/0/1/0", 404), (f"{TILES}/25/0/0", 404), (f"{TILES}/a/0/0", 400), (f"{TILES}/0/0/0?bbox=1,2", 400),
        (f"{TILES}/0/0/0?colour=red", 400), (f"{TILES}/0/0/0?f=png", 400), ("tiles/WorldCRS84Quad", 404),
        (f"collections/nowhere/{TILES}/0/0/0", 404), (f"{TILES}/-1/0/0", 400), (f"{TILES}/0/0/+0", 400),
        (f"{TILES}/0/0/0?properties={','.join(f'p{n}' for n in range(21))}", 400),
        (f"{TILES}/0/0/0?properties=a&properties=b", 400), (f"{TILES}/99999999999999999999/0/0", 400),
    ):
        answer = get(url, path)
        assert answer.status_code == status, (path, answer.status_code, answer.text)
        if status != 404 or "Quad/" in path:
            assert answer.headers["content-type"] == "application/problem+json", path
    for suffix in (".mvt", ".pbf"):
        assert get(url, f"{TILES}/0/0/0{suffix}").content == get(url, f"{TILES}/0/0/0?f=mvt").content


def test_the_cache_is_told_of_in_the_metrics(url):
    def figure(name):
        found = re.search(rf'^nilometer_{name}{{cache="tiles"}} (\S+)$', get(url, "metrics").text, re.M)
        return float(found[1]) if found else 0.0

    path = f"{TILES}/5/{'/'.join(map(str, tile_at(5, 2.5, 46)))}?properties=a_question_of_this_test"
    misses, hits = figure("cache_misses_total"), figure("cache_hits_total")
    for _ in range(3):
        assert get(url, path).status_code == 200
    assert figure("cache_misses_total") == misses + 1 and figure("cache_hits_total") == hits + 2
    assert figure("cache_bytes") > 0


def test_the_basemap_is_the_archive_s_tiles(url):
    tilejson = get(url, "basemap/tilejson.json").json()
    assert "Natural Earth" in tilejson["attribution"] and tilejson["minzoom"] == 0 and tilejson["maxzoom"] >= 6
    layers = {layer["id"] for layer in tilejson["vector_layers"]}
    assert layers == {"land", "lakes", "rivers", "borders", "countries", "places"}
    [template] = tilejson["tiles"]
    assert template.startswith(f"{url}/basemap/")
    archive = ROOT / "api" / "basemap" / "basemap.pmtiles"
    assert archive.stat().st_size < 3_600_000
    seen = set()
    with archive.open("rb") as file:
        reader = pmtiles.reader.Reader(pmtiles.reader.MmapSource(file))
        for zoom, lon, lat in ((0, 0, 0), (1, 100, 40), (3, -60, -10), (4, 2, 47), (6, 7.5, 46.5), (6, 31.2, 30.1), (6, 179.9, 65)):
            row, col = tile_at(zoom, lon, lat)
            address = template.replace("{z}", str(zoom)).replace("{y}", str(row)).replace("{x}", str(col))
            packed = requests.get(address, timeout=60)
            assert packed.headers["content-encoding"] == "gzip" and "immutable" in packed.headers["cache-control"]
            plain = requests.get(address, headers={"accept-encoding": "identity"}, timeout=60)
            assert "content-encoding" not in plain.headers and plain.content == packed.content
            assert plain.headers["etag"] != packed.headers["etag"]
            assert plain.content == gzip.decompress(reader.get(zoom, col, row))
            drawn = decoded(plain)
            seen |= set(drawn)
            for name, kind in (("land", "Polygon"), ("lakes", "Polygon"), ("rivers", "Line"), ("places", "Point")):
                assert all(kind in shape.geom_type for shape, _ in drawn.get(name, []))
    assert seen == layers
    france = [p for _, p in decoded(requests.get(template.replace("{z}", "4").replace("{y}", "5").replace("{x}", "8"), timeout=60))["countries"]]
    assert {"Germany": "Allemagne", "Switzerland": "Suisse"}.items() <= {p["name"]: p.get("name_fr") for p in france}.items()


def test_a_tile_of_the_basemap_is_kept_only_under_its_version(url):
    path = "basemap/WebMercatorQuad/2/1/2"
    first = get(url, path)
    assert first.headers["cache-control"] == "no-cache"
    again = requests.get(f"{url}/{path}", headers={"if-none-match": first.headers["etag"]}, timeout=60)
    assert again.status_code == 304 and not again.content
    assert get(url, f"{path}?v=another").headers["cache-control"] == "no-cache"
    sea = get(url, "basemap/WebMercatorQuad/6/40/10")
    assert sea.status_code == 204 and not sea.content
    for bad, status in (("basemap/WebMercatorQuad/7/0/0", 404), ("basemap/WebMercatorQuad/1/2/0", 404),
                        ("basemap/WebMercatorQuad/a/0/0", 400), (f"{path}?q=1", 400)):
        assert get(url, bad).status_code == status, bad
