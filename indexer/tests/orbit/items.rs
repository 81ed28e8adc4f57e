use geo::{CoordsIter, Validation};
use nilometer_indexer::Error;
use nilometer_indexer::orbit::{COLLECTION, CYCLES, PASSES, Pass, item_id, planned_passes};
use nilometer_indexer::source::{Record, Rejection, Sink};
use nilometer_schemas::{Collection, Item};

#[derive(Default)]
struct Got {
    collections: Vec<Collection>,
    items: Vec<Item>,
}

impl Sink for Got {
    fn record(&mut self, record: Record) -> Result<(), Error> {
        match record {
            Record::Collection(collection) => self.collections.push(*collection),
            Record::Item(item) => self.items.push(*item),
            Record::ItemIfAbsent(_) | Record::Observations(_) => panic!("planned passes have no observations"),
        }
        Ok(())
    }
    fn rejected(&mut self, rejection: Rejection) {
        panic!("{rejection:?}");
    }
    fn progress(&mut self, _: u64) {}
}

fn geometry_text(item: &Item) -> &str {
    let text = item.text.as_str();
    let begin = text.find("\"geometry\":").unwrap();
    &text[begin..text.find(",\"assets\"").unwrap()]
}

#[test]
fn every_pass_of_every_cycle_is_an_item_and_keeps_its_geometry_to_the_byte() {
    let mut got = Got::default();
    planned_passes(&mut got).unwrap();
    assert_eq!(got.collections.len(), 1);
    assert_eq!(got.items.len(), 40_880);
    let extrapolated = got.items.iter().filter(|i| i.properties["nilometer:extrapolated"] == true).count();
    assert_eq!(extrapolated, 18 * 584);
    let (first, rest) = got.items.split_at(PASSES as usize);
    for (index, item) in rest.iter().enumerate() {
        assert_eq!(geometry_text(item), geometry_text(&first[index % PASSES as usize]));
    }
    for item in got.items.iter().step_by(997) {
        let read = Item::parse(item.text.as_str(), None).unwrap();
        assert_eq!(format!("{read:?}"), format!("{item:?}"), "an item is what reading its text gives");
    }
    let item = &got.items[48 * 584 + 57];
    assert_eq!((item.collection.as_str(), item.id.as_str()), (COLLECTION, "planned_049_058"));
    assert_eq!(item.id.as_str(), item_id(49, Pass::new(58).unwrap()));
    for (name, value) in [
        ("platform", "\"SWOT\""),
        ("spatial:cycle_id", "49"),
        ("spatial:pass_id", "58"),
        ("sat:orbit_state", "\"descending\""),
        ("nilometer:extrapolated", "false"),
        ("nilometer:time_error_s", "3.0"),
    ] {
        assert_eq!(item.properties[name].to_string(), value, "{name}");
    }
    assert!(got.items.windows(2).all(|w| w[0].start < w[1].start));
    assert_eq!(got.items.last().unwrap().id.as_str(), item_id(CYCLES, Pass::new(PASSES).unwrap()));
}

#[test]
fn swaths_are_valid_polygons_within_the_map_of_at_most_200_vertices() {
    let mut most = 0;
    for pass in Pass::all() {
        let swath = pass.swath();
        swath.check_validation().unwrap_or_else(|e| panic!("pass {}: {e}", pass.number()));
        most = most.max(swath.coords_count());
        assert!(swath.coords_iter().all(|c| c.x.abs() <= 180.0 && c.y.abs() < 78.3));
    }
    println!("at most {most} vertices");
    assert!(most <= 200, "{most}");
}
