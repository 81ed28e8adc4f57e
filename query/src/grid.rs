//! Grid cells of positions: geohash, web-mercator tiles, H3. A cell is packed into a u64 and written as its usual text.

use nilometer_schemas::GridKind;

const BASE32: &[u8; 32] = b"0123456789bcdefghjkmnpqrstuvwxyz";

/// Packs the cell of a position at a precision.
pub(crate) fn cell_of(grid: GridKind, precision: u8, lon: f64, lat: f64) -> u64 {
    match grid {
        GridKind::Geohash => geohash(precision, lon, lat),
        GridKind::Geotile => geotile(precision, lon, lat),
        GridKind::Geohex => geohex(precision, lon, lat),
    }
}

/// The text of a packed cell.
pub(crate) fn text_of(grid: GridKind, precision: u8, cell: u64) -> String {
    match grid {
        GridKind::Geohash => {
            let chars = (0..u32::from(precision)).rev().map(|at| BASE32[(cell >> (5 * at)) as usize & 31] as char);
            chars.collect()
        }
        GridKind::Geotile => format!("{precision}/{}/{}", cell >> 32, cell & 0xffff_ffff),
        GridKind::Geohex => format!("{cell:x}"),
    }
}

/// Cell number of a share of the globe at so many bits; the upper edge belongs to the last cell.
fn scaled(share: f64, bits: u32) -> u64 {
    let cells = (1u64 << bits) as f64;
    (share * cells).floor().clamp(0.0, cells - 1.0) as u64
}

/// Interleaved bits, longitude first (geohash.org).
fn geohash(precision: u8, lon: f64, lat: f64) -> u64 {
    let bits = u32::from(precision) * 5;
    let (lon_bits, lat_bits) = (bits.div_ceil(2), bits / 2);
    let (x, y) = (scaled((lon + 180.0) / 360.0, lon_bits), scaled((lat + 90.0) / 180.0, lat_bits));
    let mut hash = 0;
    for at in 0..bits {
        let bit = if at % 2 == 0 { x >> (lon_bits - 1 - at / 2) } else { y >> (lat_bits - 1 - at / 2) };
        hash = hash << 1 | (bit & 1);
    }
    hash
}

/// Column and row of the tile; latitudes beyond the square are put into its first and last row.
fn geotile(zoom: u8, lon: f64, lat: f64) -> u64 {
    let sin = lat.to_radians().sin().clamp(-0.999_999_999_9, 0.999_999_999_9);
    let y = 0.5 - ((1.0 + sin) / (1.0 - sin)).ln() / (4.0 * std::f64::consts::PI);
    scaled((lon + 180.0) / 360.0, u32::from(zoom)) << 32 | scaled(y, u32::from(zoom))
}

fn geohex(resolution: u8, lon: f64, lat: f64) -> u64 {
    let position = h3o::LatLng::new(lat, lon).ok();
    let resolution = h3o::Resolution::try_from(resolution).ok();
    position.zip(resolution).map_or(0, |(position, resolution)| u64::from(position.to_cell(resolution)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_have_their_published_names() {
        for (grid, precision, lon, lat, expected) in [
            // The example of geohash.org, and the tile and H3 cell of the same place.
            (GridKind::Geohash, 11, 10.407_44, 57.649_11, "u4pruydqqvj"),
            (GridKind::Geohash, 5, -5.603, 42.605, "ezs42"),
            (GridKind::Geohash, 1, 180.0, 90.0, "z"),
            (GridKind::Geotile, 0, 10.0, 50.0, "0/0/0"),
            (GridKind::Geotile, 1, 10.0, 50.0, "1/1/0"),
            (GridKind::Geotile, 3, 180.0, -90.0, "3/7/7"),
            // H3's documentation: latLngToCell(37.3615593, -122.0553238, 5).
            (GridKind::Geohex, 5, -122.055_323_8, 37.361_559_3, "85283473fffffff"),
        ] {
            let cell = cell_of(grid, precision, lon, lat);
            assert_eq!(text_of(grid, precision, cell), expected);
        }
    }
}
