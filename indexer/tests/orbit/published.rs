
#[test]
fn dbg_print() {
    use geo::Validation;
    for p in nilometer_indexer::orbit::Pass::all() {
        let s = p.swath();
        let geo::Geometry::MultiPolygon(m) = &s else { panic!() };
        for (i, part) in m.0.iter().enumerate() {
            if part.exterior().0.len() < 6 || !part.is_valid() { println!("{} {i} {:?}", p.number(), part.exterior().0); }
        }
    }
    use geo::CoordsIter;
    println!("n {} {} {}", nilometer_indexer::orbit::Pass::new(1).unwrap().swath().coords_count(), nilometer_indexer::orbit::Pass::new(2).unwrap().swath().coords_count(), nilometer_indexer::orbit::Pass::all().map(|p| p.swath().coords_count()).max().unwrap());
}
