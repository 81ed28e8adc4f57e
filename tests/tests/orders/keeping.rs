//! What is kept of orders: swept, bounded, verified, and there after the server died at any moment.

use std::path::Path;
use std::time::{Duration, Instant};

use nilometer_tests::{Server, key_of, record, rounds, seed};
use serde_json::json;

use crate::shop::{Shop, WORKFLOWS, all_of, completed, content, ended, kept, listed, submit, unpack, zip_path};

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
    let states = |id: &str| states(&shop, id);
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

/// The numbers under which an order was prepared whose files are still there.
fn states(shop: &Shop, id: &str) -> Vec<i64> {
    let states = std::fs::read_dir(shop.data().join("orders").join(id)).into_iter().flatten().flatten();
    states.filter_map(|state| state.file_name().to_string_lossy().parse().ok()).collect()
}

/// Files of an order whose preparation is broken off: many enough to take a while.
const FILES: usize = 2_000;

/// Kills the server at random moments while it prepares orders: each is delivered, whole, and only once.
fn kill_while_orders_are_prepared(orders: usize, kills: u32) {
    let seed = seed();
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    let shop = Shop::new(&["orders.workers=4", "orders.running_per_user=4", "orders.open_per_user=1000"], |_| {});
    let (server, client) = shop.serve();
    shop.fill(&client, "c", FILES, 200);
    // How long one takes here, so that kills come while some are under way.
    let begun = Instant::now();
    let first = submit(&client, &all_of("c"));
    completed(&client, &first);
    let typical_ms = begun.elapsed().as_millis() as u64;
    let mut ids = vec![first];
    let mut running = (server, client);
    for kill in 0..kills as usize {
        // Some are new at each kill, so that there is always one under way.
        let due = orders * (kill + 1) / kills as usize;
        ids.extend((ids.len()..due).map(|_| submit(&running.1, &all_of("c"))));
        let newest = format!("{WORKFLOWS}/{}/status", ids[ids.len() - 1]);
        let waiting = Instant::now();
        while waiting.elapsed() < Duration::from_secs(1)
            && running.1.get(&newest).expect(200).json()["status"] == "CREATED"
        {
            std::thread::sleep(Duration::from_millis(1));
        }
        std::thread::sleep(Duration::from_millis(random.u64(0..=typical_ms / 2)));
        running.0.kill();
        running = shop.serve();
    }
    assert_eq!(ids.len(), orders);
    let (server, client) = running;
    let expected: Vec<Vec<u8>> = (0..FILES).map(|number| content(number, 200)).collect();
    for id in &ids {
        completed(&client, id);
        let answer = client.get(&zip_path(id)).expect(200);
        let path = kept(shop.folder.path(), &answer);
        assert_eq!(listed(&path).len(), FILES + 3);
        let folder = shop.folder.path().join("unpacked").join(id);
        unpack(&path, &folder);
        for (number, expected) in expected.iter().enumerate() {
            let file = std::fs::read(folder.join(format!("all/c-{number}.bin"))).expect("a file of the order");
            assert!(file == *expected, "file {number} of {id}");
        }
    }
    // Of what killed workers left, what was delivered stays alone: the first thing that a service does is to sweep.
    server.finish();
    let (server, client) = shop.serve();
    let begun = Instant::now();
    while ids.iter().any(|id| states(&shop, id).len() != 1) {
        assert!(begun.elapsed() < Duration::from_secs(90), "what killed workers left is still there");
        std::thread::sleep(Duration::from_millis(100));
    }
    let again = ids.iter().filter(|id| states(&shop, id)[0] > 1).count();
    assert!(again > 0, "no kill met an order under way: nothing was tried");
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
             Orders of {FILES} files each, four at a time; the service is killed (kill -9) at random moments while it prepares them, and \
             started again. Then each is delivered, every byte of every file compared, what other attempts left is gone, and \
             `nilometer check` finds nothing (seed {seed}).\n\n\
             | orders | kills | orders that a kill met under way | lost | twice | damaged |\n| --: | --: | --: | --: | --: | --: |\n\
             | {orders} | {kills} | {again} | 0 | 0 | 0 |"
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
