//! What is kept of orders: swept, bounded, verified, and there after the server died at any moment.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, Instant};

use nilometer_tests::{Server, key_of, record, rounds, seed};
use serde_json::json;

use crate::shop::{Shop, WORKFLOWS, all_of, completed, ended, kept, listed, submit, zip_path};

#[test]
fn what_is_not_needed_any_more_is_swept_and_a_new_run_is_not() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    let [again, gone, idle] = [(); 3].map(|()| submit(&client, &all_of("c")));
    for id in [&again, &gone, &idle] {
        completed(&client, id);
    }
    client.delete(&format!("{WORKFLOWS}/{gone}")).expect(204);
    client.post(&format!("{WORKFLOWS}/{again}/rerun"), &json!({})).expect(200);
    completed(&client, &again);
    server.finish();
    // The first thing that a service does is to sweep.
    let (server, client) = shop.serve();
    let states = |id: &str| {
        let states = std::fs::read_dir(shop.data().join("orders").join(id)).into_iter().flatten().flatten();
        states.filter_map(|state| state.file_name().to_string_lossy().parse::<i64>().ok()).collect::<Vec<_>>()
    };
    let begun = Instant::now();
    while states(&again).len() > 1 || !states(&gone).is_empty() {
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?} {:?}", states(&again), states(&gone));
        std::thread::sleep(Duration::from_millis(50));
    }
    assert_eq!((states(&again), states(&idle)), (vec![3], vec![1]));
    for id in [&again, &idle] {
        client.get(&zip_path(id)).expect(200);
    }
    server.finish();
}

#[test]
fn what_is_written_for_orders_is_bounded_for_each_account_and_in_all() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 1_000, 1);
    let first = submit(&client, &all_of("c"));
    completed(&client, &first);
    server.finish();
    let folder = shop.data().join("orders").join(&first).join("1");
    let files = std::fs::read_dir(folder).expect("a folder").flatten();
    let bytes: u64 = files.map(|file| file.metadata().expect("a file").len()).sum();
    assert!(bytes > 200_000, "{bytes}");
    let serve = |bound: &str, most: u64| {
        let settings = [&shop.settings[..], &[format!("orders.{bound}={most}")]].concat();
        let arguments: Vec<&str> = settings.iter().flat_map(|set| ["--set", set.as_str()]).collect();
        let server = Server::start_with(&shop.data(), &arguments);
        let client = server.client(&shop.key);
        (server, client)
    };
    // What lay there counts: there is room for a second one and a half.
    let (server, client) = serve("spool_bytes_per_user", bytes * 5 / 2);
    let second = submit(&client, &all_of("c"));
    completed(&client, &second);
    let third = submit(&client, &all_of("c"));
    let status = ended(&client, &third);
    assert!(status["message"].as_str().is_some_and(|text| text.starts_with("WHOLE_QUOTA_EXCEEDED: ")), "{status}");
    let other = server.client(&key_of(&shop.data(), "ana", "user"));
    completed(&other, &submit(&other, &all_of("c")));
    server.finish();
    let (server, client) = serve("spool_bytes_per_user", bytes * 2 + 10_000);
    let problem = client.post(WORKFLOWS, &all_of("c")).problem(409);
    assert!(problem["type"].as_str().is_some_and(|text| text.ends_with("orders-room")), "{problem}");
    // Deleting makes room, soon.
    client.delete(&format!("{WORKFLOWS}/{first}")).expect(204);
    let begun = Instant::now();
    while client.post(WORKFLOWS, &all_of("c")).status != 201 {
        assert!(begun.elapsed() < Duration::from_secs(20), "no room came back");
        std::thread::sleep(Duration::from_millis(100));
    }
    server.finish();
    let (server, client) = serve("spool_bytes_in_all", bytes * 2);
    client.post(WORKFLOWS, &all_of("c")).problem(507);
    // Its log tells those who run it that there is no room.
    drop(server);
}

#[test]
fn check_finds_what_was_changed_of_orders_and_folders_without_one() {
    let shop = Shop::new(&[], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 2, 10);
    let id = submit(&client, &all_of("c"));
    completed(&client, &id);
    let data = shop.data();
    let check = || {
        let output =
            nilometer_tests::nilometer(Path::new("/"), &["check", "--data", data.to_str().expect("a plain name")]);
        output.stdout
    };
    assert!(check().starts_with("no findings"), "beside the server: {}", check());
    server.finish();
    assert!(check().starts_with("no findings"), "{}", check());
    let folder = data.join("orders").join(&id).join("1");
    for name in ["contents.json", "spool"] {
        let path = folder.join(name);
        let right = std::fs::read(&path).expect("a file");
        let mut wrong = right.clone();
        let middle = wrong.len() / 2;
        wrong[middle] ^= 1;
        std::fs::write(&path, &wrong).expect("written");
        assert!(check().contains("was changed"), "{name}: {}", check());
        std::fs::remove_file(&path).expect("removed");
        assert!(check().contains(&format!("{name} cannot be read")), "{}", check());
        std::fs::write(&path, &right).expect("written");
    }
    let stray = data.join("orders").join("5f0c");
    std::fs::create_dir(&stray).expect("a folder");
    assert!(check().contains("there is no such order"), "{}", check());
    std::fs::remove_dir(&stray).expect("removed");
    assert!(check().starts_with("no findings"), "{}", check());
}

/// Kills the server at random moments while it prepares orders: each is delivered, whole, and only once.
fn kill_while_orders_are_prepared(orders: usize, kills: u32) {
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let shop = Shop::new(&["orders.workers=4", "orders.running_per_user=4", "orders.open_per_user=1000"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", 400, 200);
    let ids: Vec<String> = (0..orders).map(|_| submit(&client, &all_of("c"))).collect();
    let mut running = (server, client);
    for _ in 0..kills {
        std::thread::sleep(Duration::from_millis(random.u64(20..600)));
        running.0.kill();
        running = shop.serve();
    }
    let (server, client) = running;
    let mut archives = BTreeSet::new();
    for id in &ids {
        completed(&client, id);
        let answer = client.get(&zip_path(id)).expect(200);
        let path = kept(shop.folder.path(), &answer);
        assert_eq!(listed(&path).len(), 403);
        archives.insert(id.clone());
        let states = std::fs::read_dir(shop.data().join("orders").join(id)).expect("a folder").count();
        assert!(states >= 1, "what was prepared is there");
    }
    assert_eq!(archives.len(), orders);
    let listed = client.get(&format!("{WORKFLOWS}?unpaged=true")).expect(200).json();
    assert_eq!(listed["totalElements"], orders);
    // What killed workers left goes by itself, and nothing in the database is damaged.
    server.finish();
    let data = shop.data();
    let check = nilometer_tests::nilometer(Path::new("/"), &["check", "--data", data.to_str().expect("a plain name")]);
    check.success();
    record(
        "orders-killed",
        &format!(
            "# Orders whose workers are killed\n\n\
             Orders of 400 files each, four at a time; the service is killed (kill -9) at random moments while it prepares them, and \
             started again. Then each is delivered, whole, and once, and `nilometer check` finds nothing (seed {seed}).\n\n\
             | orders | kills | lost | twice | damaged |\n| --: | --: | --: | --: | --: |\n| {orders} | {kills} | 0 | 0 | 0 |"
        ),
    );
}

#[test]
fn no_order_is_lost_when_the_server_is_killed_while_it_prepares_them() {
    kill_while_orders_are_prepared(10, rounds(8, 8));
}

#[test]
#[ignore = "minutes; `make long`"]
fn of_fifty_orders_none_is_lost_when_workers_are_killed_fifty_times() {
    kill_while_orders_are_prepared(50, rounds(50, 50));
}
