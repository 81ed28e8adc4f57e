//! The pages for people.

use std::collections::{BTreeSet, VecDeque};

use serde_json::json;

use crate::world::World;

/// Pages followed from the first one.
const PAGES_MAX: usize = 400;

/// Local addresses in a page.
fn hrefs(page: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in page.split("href=\"").skip(1) {
        let href = part.split('"').next().unwrap().replace("&amp;", "&");
        if let Some(local) = href.strip_prefix("/portal") {
            found.push(local.to_owned());
        }
    }
    found
}

#[tokio::test]
async fn every_link_of_every_page_leads_somewhere_and_no_page_has_inline_scripts_or_styles() {
    let world = World::new().await;
    let mut queue = VecDeque::from(["/".to_owned(), "/?lang=fr".to_owned()]);
    let mut seen: BTreeSet<String> = queue.iter().cloned().collect();
    let mut pages = 0;
    while let Some(path) = queue.pop_front() {
        let answer = world.page(&path).await;
        // What needs an account leads to where one signs in, and back.
        if answer.status == 303 {
            assert!(answer.header("location").contains("/sign-in?next="), "{path}: {}", answer.header("location"));
            continue;
        }
        assert_eq!(answer.status, 200, "{path}: {}", answer.text());
        if !answer.header("content-type").starts_with("text/html") {
            continue;
        }
        pages += 1;
        let page = answer.text();
        for script in page.split("<script").skip(1) {
            let tag = script.split('>').next().unwrap();
            let data = tag.contains("type=\"application/ld+json\"");
            assert!(data || tag.contains(" src=\"/portal/assets/"), "{path}: {tag}");
        }
        assert!(!page.contains(" style=") && !page.contains("<style"), "{path}");
        assert!(!page.contains("javascript:alert") || !page.contains("href=\"javascript"), "{path}");
        assert!(page.contains("<html lang=\"") && page.contains("<h1") && page.contains("id=\"main\""), "{path}");
        assert!(!page.contains("<b>"), "{path} shows unescaped text");
        for href in hrefs(&page) {
            if seen.len() < PAGES_MAX && seen.insert(href.clone()) {
                queue.push_back(href);
            }
        }
    }
    assert!(pages > 50, "{pages} pages were seen");
    for path in ["/collections/gauges", "/collections/places%2Fall/items/aquitaine", "/api.html", "/search"] {
        assert!(seen.contains(path), "no page links to {path}");
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_and_a_program_gets_data_from_the_same_address() {
    let world = World::new().await;
    for path in
        ["/", "/collections", "/collections/gauges", "/collections/gauges/items", "/search?q=nile", "/conformance"]
    {
        let page = world.page(path).await;
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8", "{path}");
        let forced = if path.contains('?') { format!("{path}&f=html") } else { format!("{path}?f=html") };
        assert!(world.ok(&forced).await.header("content-type").starts_with("text/html"), "{path}");
        let json = world.get_with(&forced.replace("html", "json"), &[("accept", "text/html")]).await;
        assert!(json.header("content-type").contains("json"), "{path}");
    }
}

#[tokio::test]
async fn a_form_with_empty_inputs_and_dates_is_sent_on_to_a_clean_address() {
    let world = World::new().await;
    let check = async |query: &str, expected: &str| {
        let answer = world.page(&format!("/search?{query}")).await;
        assert_eq!((answer.status, answer.header("location")), (303, expected), "{query}: {}", answer.text());
    };
    check("q=&collections=&from=&to=&bbox=", "/portal/search").await;
    check(
        "q=lac+d%27Annecy&collections=gauges&from=2020-01-01&to=",
        "/portal/search?q=lac%20d%27Annecy&collections=gauges&datetime=2020-01-01T00%3A00%3A00Z%2F..",
    )
    .await;
    check(
        "q=a&to=2020-01-31&lang=fr&f=html",
        "/portal/search?q=a&datetime=..%2F2020-01-31T23%3A59%3A59.999999Z&f=html&lang=fr",
    )
    .await;
    assert_eq!(world.page("/search?from=yesterday").await.status, 400);
}

#[tokio::test]
async fn results_show_the_count_the_items_the_facets_and_the_form_as_it_was_filled_in() {
    let world = World::new().await;
    let page = world.page("/search?q=garonne&datetime=2020-01-01T00:00:00Z/2021-12-31T00:00:00Z").await.text();
    assert!(page.contains("2 items"), "{page}");
    assert!(
        page.contains("value=\"garonne\"")
            && page.contains("value=\"2020-01-01\"")
            && page.contains("value=\"2021-12-31\"")
    );
    assert!(page.contains("Garonne at garonne-1") && !page.contains("Nile at"));
    assert!(page.contains("aria-label=\"Collection\"") && page.contains("Remove: 2020-01-01 – 2021-12-31"), "{page}");
    let one = world.page("/search?collections=gauges&lang=fr").await.text();
    assert!(one.contains("5 éléments") && one.contains("Éléments au fil du temps"), "{one}");
    let none = world.page("/search?q=amazon").await.text();
    assert!(none.contains("No results"));
}

#[tokio::test]
async fn an_unchanged_page_keeps_the_policy_it_came_with() {
    let world = World::new().await;
    let browser = ("accept", "text/html");
    let first = world.get_with("/search", &[browser]).await;
    assert!(first.header("content-security-policy").contains("script-src 'self'"));
    let again = world.get_with("/search", &[browser, ("if-none-match", first.header("etag"))]).await;
    // Any policy here would replace that of the stored page.
    assert_eq!((again.status, again.header("content-security-policy")), (304, ""));
}

#[tokio::test]
async fn a_facet_takes_a_second_value_beside_the_first_and_gives_each_back() {
    let world = World::new().await;
    let one = world.page("/search?collections=gauges&lang=fr").await.text();
    let chosen = hrefs(&one).into_iter().find(|href| href.contains("Isle") && href.contains("filter="));
    let chosen = chosen.unwrap_or_else(|| panic!("no facet offers L'Isle: {one}"));
    let page = world.page(&chosen).await.text();
    let both = hrefs(&page).into_iter().find(|href| href.contains("Isle") && href.contains("Garonne"));
    let both = both.unwrap_or_else(|| panic!("no second value is offered: {page}"));
    let page = world.page(&both).await.text();
    assert!(page.contains("Retirer") && page.contains("Garonne at") && page.contains("Isle at"), "{page}");
    assert!(hrefs(&page).contains(&chosen), "a second click on the second value gives it back: {page}");
}

#[tokio::test]
async fn a_place_by_name_becomes_a_reference_and_an_unknown_one_is_refused() {
    let world = World::new().await;
    let answer = world.page("/search?q=&place=AQUITAINE&bbox=0,0,1,1").await;
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, "/portal/search?intersectsRefs=places%2Fall.aquitaine")
    );
    let page = world.page("/search?intersectsRefs=places%2Fall.aquitaine").await.text();
    assert!(page.contains("Remove: in Aquitaine"), "{page}");
    let refused = world.page("/search?place=atlantis").await;
    assert!(refused.status == 400 && refused.text().contains("atlantis"), "{}", refused.text());
}

#[tokio::test]
async fn a_question_that_is_not_understood_comes_back_in_the_form_with_what_is_wrong() {
    let world = World::new().await;
    for (query, field, value) in [
        ("bbox=1,2&q=nile", "bbox", "1,2"),
        ("from=yesterday&q=nile", "from", "yesterday"),
        ("datetime=now&q=nile", "from", "now"),
        ("place=atlantis&q=nile", "place", "atlantis"),
        ("filter=a+%3E&q=nile", "filter", "a &gt;"),
        ("sortby=nothing&q=nile", "sortby", "nothing"),
    ] {
        for path in ["/search", "/collections/gauges/items"] {
            let answer = world.page(&format!("{path}?{query}")).await;
            let page = answer.text();
            assert_eq!(answer.status, 400, "{query}");
            let input = page.split("<input").find(|input| input.contains("aria-invalid=\"true\"")).unwrap_or_default();
            for part in [format!("id=\"{field}\""), format!("value=\"{value}\""), "aria-describedby=\"refusal\"".into()]
            {
                assert!(input.contains(&part), "{query}: {part} in {input}");
            }
            assert!(page.contains("value=\"nile\"") && page.contains("id=\"refusal\""), "{query}: {page}");
        }
    }
    assert_eq!(world.page("/collections/none/items?bbox=1").await.status, 404);
}

#[tokio::test]
async fn places_are_suggested_by_the_beginning_of_their_names_whatever_case_and_accents() {
    let world = World::new().await;
    for text in ["aqui", "AQUITAINE", "áquit"] {
        let answer = world.get(&format!("/places?q={text}")).await;
        assert_eq!(answer.json()["places"][0]["references"], "places/all.aquitaine", "{text}: {}", answer.text());
    }
    let gauges = world.get("/places?q=garonne-1&collections=gauges").await.json();
    assert_eq!(gauges["places"][0]["collection"], "gauges", "{gauges}");
    for nothing in
        ["/places", "/places?q=", "/places?q=%22", "/places?q=atlantis", "/places?q=hidden&collections=secret"]
    {
        assert_eq!(world.get(nothing).await.json()["places"], json!([]), "{nothing}");
    }
    assert_eq!(world.get("/places?q=a&limit=x").await.status, 400);
    assert_eq!(world.get(&format!("/places?q={}", "a".repeat(3_000))).await.status, 413);
}

#[tokio::test]
async fn tilesets_are_pages_too() {
    let world = World::new().await;
    for path in [
        "/tiles",
        "/tiles/WebMercatorQuad",
        "/collections/gauges/tiles",
        "/tileMatrixSets",
        "/tileMatrixSets/WebMercatorQuad",
    ] {
        let page = world.page(path).await;
        assert!(page.status == 200 && page.header("content-type").starts_with("text/html"), "{path}: {}", page.text());
        assert_eq!(
            world.get(&format!("{path}?f=html")).await.text(),
            world.page(&format!("{path}?f=html")).await.text()
        );
        assert!(world.get(path).await.header("content-type").contains("json"), "{path}");
    }
    assert_eq!(world.get("/tiles/WebMercatorQuad/tilejson.json?f=html").await.status, 400);
}

#[tokio::test]
async fn a_page_asks_a_kept_question_together_with_what_its_address_adds() {
    let world = World::new().await;
    let area = json!({"type": "Polygon", "coordinates": [[[-2, 43], [2, 43], [2, 46], [-2, 46], [-2, 43]]]});
    let kept = world.ask("/searches", &json!({"intersects": area})).await;
    let id = kept.json()["id"].as_str().unwrap().to_owned();
    let count = async |path: &str| {
        let page = world.page(path).await.text();
        let text = page.split("class=\"count\">").nth(1).unwrap_or_else(|| panic!("{path}: {page}")).to_owned();
        text.chars().take_while(char::is_ascii_digit).collect::<String>()
    };
    let in_area = world.ask("/search", &json!({"intersects": area})).await.json();
    assert_eq!(count(&format!("/search?search={id}")).await, in_area["numberMatched"].to_string());
    let narrower = world.ask("/search", &json!({"intersects": area, "q": ["garonne"]})).await.json();
    assert_eq!(count(&format!("/search?search={id}&q=garonne")).await, narrower["numberMatched"].to_string());
    assert_eq!(world.page("/search?search=none").await.status, 404);
}

#[tokio::test]
async fn an_item_page_shows_properties_files_and_a_map_and_offers_the_place_as_a_question() {
    let world = World::new().await;
    let page = world.page("/collections/places%2Fall/items/aquitaine").await.text();
    for text in [
        "Aquitaine",
        "https://files.example/a.png",
        "2.0 kB",
        "<svg",
        "43° N, 2° W",
        "https://source.example",
        "intersectsRefs=places%2Fall.aquitaine",
    ] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("href=\"javascript"));
}

#[tokio::test]
async fn problems_are_pages_for_browsers() {
    let world = World::new().await;
    let page = world.get_with("/collections/none", &[("accept", "text/html"), ("accept-language", "fr")]).await;
    assert_eq!(page.status, 404);
    assert!(page.header("content-type").starts_with("text/html") && page.text().contains("Introuvable"));
}

#[tokio::test]
async fn the_type_of_a_problem_leads_to_its_explanation() {
    let world = World::new().await;
    let problem = world.get("/search?bbox=1,2,3").await.json();
    assert!(problem["type"].as_str().expect("a type").ends_with("/problems/bbox"), "{problem}");
    let known = world.get("/problems/bbox?lang=fr").await;
    assert_eq!((known.status, known.json()["status"].clone()), (200, 400.into()));
    assert_eq!(known.json()["type"], problem["type"]);
    assert!(known.json()["explanation"].as_str().expect("a text").starts_with("Un cadre est fait"));
    let page = world.page("/problems/bbox").await;
    assert!(page.text().contains("A box is four numbers in degrees"), "{}", page.text());
    let all = world.get("/problems").await.json();
    assert!(all["problems"].as_array().expect("types").len() > 90);
    assert!(world.page("/problems?lang=fr").await.text().contains("Types de problèmes"));
    assert_eq!(world.get("/problems/none-such").await.status, 404);
}

#[tokio::test]
async fn a_french_problem_page_explains_before_it_gives_the_english_detail() {
    let world = World::new().await;
    let page = world.page("/search?bbox=1,2,3&lang=fr").await;
    assert!(page.text().contains("Un cadre est fait"), "{}", page.text());
    assert!(page.text().contains("<span lang=\"en\">(a bbox has 4 or 6 numbers, not 3)</span>"), "{}", page.text());
    let page = world.page("/aggregate?bbox=1,2,3&lang=fr&f=html").await;
    let text = page.text();
    let at = |needle: &str| text.find(needle).unwrap_or_else(|| panic!("{needle}: {text}"));
    assert!(at("Un cadre est fait") < at("Détail technique (en anglais)"));
    assert!(at("<dd lang=\"en\">A bbox has 4 or 6 numbers, not 3</dd>") > 0 && at("/problems/bbox?lang=fr") > 0);
}

#[tokio::test]
async fn the_french_page_of_the_interface_says_nothing_in_english() {
    let world = World::new().await;
    let page = world.page("/api.html?lang=fr").await;
    let text = page.text();
    assert!(text.contains("Éléments qui correspondent") && text.contains("Supprime un élément"), "{text}");
    // Only the link to the English page is English.
    assert_eq!(text.matches(" lang=\"en\"").count(), 1, "{text}");
}
