//! What rights show, and nothing besides: random catalogues, groups and grants, and as the twin of each principal a second
//! server over a catalogue that holds just what the principal may see. Both are asked the same; whatever differs is a leak.

mod files;
mod model;
mod normal;
mod questions;
mod tiles;
mod twin;
mod versions;

use std::collections::BTreeMap;

use nilometer_tests::{record, rounds, seed};

use crate::model::{Catalogue, Principal, Rules};
use crate::questions::targets;
use crate::twin::{Compared, Service};

/// What happens to a catalogue while it is served, one after the other.
const STAGES: [&str; 3] = ["rights", "writes", "other rights"];

#[test]
fn a_principal_is_answered_as_if_there_were_nothing_that_it_may_not_see() {
    let seed = seed();
    let rounds = rounds(1, 30);
    println!("seed {seed} ({rounds} catalogues; run again with NILOMETER_SEED={seed})");
    let mut random = fastrand::Rng::with_seed(seed);
    let mut compared = Compared::default();
    let mut levels: BTreeMap<&'static str, usize> = BTreeMap::new();
    let mut twins = 0;
    for round in 0..rounds {
        let mut catalogue = Catalogue::random(&mut random);
        let service = Service::whole(&catalogue);
        let mut rules = Rules::random(&mut random, &catalogue);
        for stage in STAGES {
            // After writes, views are made from those before.
            if stage == "writes" {
                service.write(&catalogue.write_more(&mut random));
            } else {
                rules = Rules::random(&mut random, &catalogue);
                service.set(&rules);
            }
            for principal in Principal::ALL {
                let context = format!("seed {seed}, round {round}, {stage}, {principal:?}\n{rules:#?}");
                let seen = catalogue.seen_by(&rules, principal);
                for (_, level) in &seen.collections {
                    *levels.entry(level.name()).or_default() += 1;
                }
                *levels.entry("hidden").or_default() += catalogue.collections.len() - seen.collections.len();
                let twin = Service::twin(&seen);
                for target in targets(&mut random, &catalogue, &seen, principal) {
                    compared.one(&service.client(principal), &twin.client(principal), &target, &context);
                }
                compared.feed(&service.client(principal), &twin.client(principal), &seen, &context);
                twin.finish();
                twins += 1;
            }
        }
        service.finish();
    }
    let (kinds, levels) = (compared.table(), format!("{levels:?}"));
    // A run that saw nothing, or nothing but refusals, would prove nothing.
    assert!(compared.answered() * 2 > compared.all(), "most answers are refusals: {kinds}");
    record(
        "rights",
        &format!(
            "# What rights show, and nothing besides\n\n\
             Random catalogues with observations, groups and grants; for each principal a second server that holds what it may see and \
             nothing else. Both are asked the same; equal but for sequence numbers, moments of writing and addresses of the servers.\n\n\
             | catalogues | twins | answers compared | of them 200 | different | seed |\n| --: | --: | --: | --: | --: | --: |\n\
             | {rounds} | {twins} | {} | {} | 0 | {seed} |\n\n\
             Collections by level, over all principals: {levels}.\n\n{kinds}",
            compared.all(),
            compared.answered(),
        ),
    );
}
