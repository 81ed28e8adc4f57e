//! What rights show, and nothing besides: random catalogues, groups and grants, and as the twin of each principal a second
//! server over a catalogue that holds just what the principal may see. Both are asked the same; whatever differs is a leak.

mod archive;
mod baskets;
mod compared;
mod documents;
mod feed;
mod figures;
mod files;
mod kept;
mod model;
mod normal;
mod ordered;
mod orders;
mod questions;
mod refusals;
mod searches;
mod target;
mod tiles;
mod turn;
mod twin;
mod versions;

use std::collections::BTreeMap;

use nilometer_tests::{record, rounds, seed};

use crate::compared::{Compared, Pair};
use crate::kept::Kept;
use crate::model::{Catalogue, Principal, Rules};
use crate::orders::Accepted;
use crate::turn::Turn;
use crate::twin::Service;

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
        let (mut accepted, mut kept) = (Accepted::new(), Kept::new());
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
                let twin = Service::twin(&seen, principal);
                let turn = Turn { principal, catalogue: &catalogue, seen: &seen, whole: &service, twin: &twin };
                if let Some(order) = kept.remove(&principal) {
                    kept::look_at(&mut compared, turn, &order);
                }
                orders::accept_again(turn, &accepted);
                compare(&mut compared, &mut random, turn, &mut accepted, context);
                if let Some(order) = kept::place(turn, &accepted) {
                    kept.insert(principal, order);
                }
                twin.finish();
                twins += 1;
            }
        }
        service.finish();
    }
    let (kinds, levels) = (compared.table(), format!("{levels:?}"));
    assert_eq!(compared.unproven(), Vec::<&str>::new(), "questions without any answer that was due: {kinds}");
    record(
        "rights",
        &format!(
            "# What rights show, and nothing besides\n\n\
             Random catalogues with observations, groups and grants; for each principal a second server that holds what it may see and \
             nothing else. Both are asked the same; equal but for sequence numbers, moments of writing and addresses of the servers.\n\n\
             | catalogues | twins | answers compared | of them 2xx | different | seed |\n| --: | --: | --: | --: | --: | --: |\n\
             | {rounds} | {twins} | {} | {} | 0 | {seed} |\n\n\
             Collections by level, over all principals: {levels}.\n\n{kinds}",
            compared.all(),
            compared.answered(),
        ),
    );
}

/// Asks both servers all that there is to be asked.
fn compare(
    compared: &mut Compared,
    random: &mut fastrand::Rng,
    turn: Turn<'_>,
    accepted: &mut Accepted,
    context: String,
) {
    let (whole, twin) = (turn.whole.client(turn.principal), turn.twin.client(turn.principal));
    let mut pair = Pair { whole, twin, names: Default::default(), context };
    let mut targets = Vec::new();
    documents::ask(random, turn, accepted, &mut targets);
    questions::ask(random, turn.catalogue, turn.seen, &mut targets);
    refusals::ask(random, turn.catalogue, turn.principal, &mut targets);
    for target in targets {
        compared.one(&pair, &target);
    }
    feed::compare(compared, &pair, turn.seen);
    if turn.is_visitor() {
        figures::compare(compared, &pair, turn.seen);
    }
    orders::ask(compared, &mut pair, random, turn, accepted);
    searches::ask(compared, &pair, random, turn);
    baskets::ask(compared, &mut pair, turn);
    compared.settle(&pair.context);
}
