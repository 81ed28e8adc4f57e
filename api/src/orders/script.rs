//! Programs that order a basket's selections and fetch the archive: with py-hydroweb where that client knows all that is asked,
//! and with curl alone. Both read the key from the environment; neither holds one.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::request::Selection;
use crate::routes::ask::hex;

/// Hexadecimal digits in the name of a file that a program keeps.
const NAME_DIGITS: usize = 12;

/// Which program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Python, with py-hydroweb.
    Python,
    /// A shell, with curl.
    Curl,
}

impl Kind {
    /// Both.
    pub(crate) const ALL: [Self; 2] = [Self::Python, Self::Curl];

    /// Its name in addresses.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Python => "python",
            Self::Curl => "curl",
        }
    }

    /// The program of a name.
    pub(crate) fn of_label(label: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.label() == label)
    }

    /// Name of the file, and its media type.
    pub(crate) fn file(self) -> (&'static str, &'static str) {
        match self {
            Self::Python => ("order.py", "text/x-python; charset=utf-8"),
            Self::Curl => ("order.sh", "text/x-shellscript; charset=utf-8"),
        }
    }
}

/// A program; `base` is the service's address.
pub(crate) fn script(kind: Kind, base: &str, name: &str, selections: &[Selection]) -> String {
    match kind {
        Kind::Python => python(base, name, selections),
        Kind::Curl => curl(base, name, selections),
    }
}

/// A text between single quotes of a shell.
fn shell_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

fn curl(base: &str, name: &str, selections: &[Selection]) -> String {
    let body = serde_json::to_string_pretty(&json!({"name": name, "selections": selections})).unwrap_or_default();
    let api = format!("{base}/api/download/workflows");
    // Each order has a file of its own, so that programs for several may lie in one folder.
    let hash = Sha256::digest(format!("{api}\n{body}").as_bytes());
    let kept = format!("order-{}.id", &hex(&hash)[..NAME_DIGITS]);
    // A here-document takes every line as it is but the one that ends it, which no line of JSON is.
    CURL.replace("{api}", &shell_quoted(&api)).replace("{kept}", &shell_quoted(&kept)).replace("{body}", &body)
}

/// The program with curl; words in braces are put in.
const CURL: &str = r#"#!/bin/sh
# Orders files, waits until they are ready and fetches them. Needs curl. The key stands in HYDROWEB_API_KEY.
# Run again, it goes on with the same order, whose id it keeps here; without that file it orders anew.
set -eu
: "${HYDROWEB_API_KEY:?set it to an API key of your account}"
api={api}
kept={kept}
answer=$(mktemp)
# The key stands in a file that its owner alone reads, not among arguments, which everybody on the machine sees.
config=$(mktemp)
trap 'rm -f "$answer" "$config"' EXIT
printf 'header = "X-Api-Key: %s"\n' "$HYDROWEB_API_KEY" > "$config"

# A text of the answer, by its name.
value() { sed -En 's/.*"'"$1"'": ?"(([^"\\]|\\.)*)".*/\1/p' "$answer" | sed 's/\\"/"/g; s/\\\\/\\/g'; }

# Asks; what is refused is told and ends the program.
ask() {
    status=$(curl --config "$config" --silent --show-error --output "$answer" --write-out '%{http_code}' \
        --header 'Accept: application/json' "$@") || exit 1
    case $status in
        2*) ;;
        *)
            echo "refused ($status): $(value title)" >&2
            value detail >&2
            value allowed >&2
            # An order that is not there any more is ordered anew next time, and what came of it is of no use.
            if [ "$status" = 404 ] || [ "$status" = 410 ]; then rm -f "$kept" "${order:-}.zip.part" "${order:-}.zip.part.tag"; fi
            exit 1
            ;;
    esac
}

if [ -s "$kept" ]; then
    order=$(cat "$kept")
    echo "order $order, made earlier"
else
    ask --header 'Content-Type: application/json' --data-binary @- "$api" <<'BODY'
{body}
BODY
    order=$(value workflowId)
    printf '%s\n' "$order" > "$kept"
    echo "order $order"
fi
if [ -f "$order.zip" ]; then
    echo "$order.zip"
    exit 0
fi
while :; do
    ask "$api/$order/status"
    state=$(value status)
    echo "$state"
    case $state in
        CREATED|RUNNING) sleep 10 ;;
        COMPLETED) break ;;
        *)
            value message >&2
            # Nothing is to be had of this one: the next run orders anew.
            rm -f "$kept"
            exit 1
            ;;
    esac
done
# What the archive is, without its bytes; a refusal is asked for anew, to tell it.
if ! curl --config "$config" --silent --fail --head --output "$answer" "$api/$order/zip"; then
    ask --range 0-0 "$api/$order/zip"
    echo "the download cannot begin; run this again" >&2
    exit 1
fi
field() { tr -d '\r' < "$answer" | grep -i "^$1:" | tail -n 1 | sed 's/^[^:]*: *//'; }
size=$(field content-length)
tag=$(field etag)
part="$order.zip.part"
have=0
if [ -f "$part" ]; then have=$(wc -c < "$part" | tr -d ' '); fi
# Goes on where it broke off, but with the same archive alone.
if [ "$have" -gt "$size" ] || [ "$tag" != "$(cat "$part.tag" 2>/dev/null)" ]; then
    rm -f "$part"
    have=0
fi
printf '%s\n' "$tag" > "$part.tag"
if [ "$have" != "$size" ] && ! curl --config "$config" --silent --show-error --fail --header "If-Range: $tag" \
    --continue-at - --output "$part" "$api/$order/zip"; then
    have=0
    if [ -f "$part" ]; then have=$(wc -c < "$part" | tr -d ' '); fi
    if [ "$have" != "$size" ]; then
        # The next byte is asked for alone: a refusal is told.
        ask --range "$have-$have" "$api/$order/zip"
        echo "the download broke off; run this again to go on" >&2
        exit 1
    fi
fi
rm -f "$part.tag"
mv "$order.zip.part" "$order.zip"
echo "$order.zip"
"#;

/// A value as Python writes it: JSON but for three words.
fn python_value(value: &Value) -> String {
    match value {
        Value::Null => "None".to_owned(),
        Value::Bool(true) => "True".to_owned(),
        Value::Bool(false) => "False".to_owned(),
        Value::Array(entries) => {
            format!("[{}]", entries.iter().map(python_value).collect::<Vec<_>>().join(", "))
        }
        Value::Object(members) => {
            let pairs = members.iter().map(|(name, value)| format!("{}: {}", json!(name), python_value(value)));
            format!("{{{}}}", pairs.collect::<Vec<_>>().join(", "))
        }
        plain => plain.to_string(),
    }
}

/// The arguments of `add_collection` for a selection; `None` where py-hydroweb does not know all that it asks.
fn arguments(selection: &Selection) -> Option<Vec<String>> {
    if !selection.formats.is_empty() || selection.subset.is_some() {
        return None;
    }
    let (collection, filters) = match (&selection.collection_id, &selection.search) {
        (Some(collection), _) => (collection.clone(), selection.filters.clone().unwrap_or_default()),
        (None, Some(Value::Object(search))) => {
            let [Value::String(collection)] = search.get("collections")?.as_array()?.as_slice() else { return None };
            let mut filters = search.clone();
            filters.shift_remove("collections");
            // There the period is that of the writing into the catalogue, which a search does not mean.
            if filters.contains_key("datetime") {
                return None;
            }
            (collection.clone(), filters)
        }
        _ => return None,
    };
    let mut arguments = vec![json!(collection).to_string()];
    for (name, value) in filters.iter().filter(|(_, value)| !value.is_null()) {
        let argument = match name.as_str() {
            "bbox" => "bbox",
            "intersects" => "intersects",
            "intersectsRefs" => "intersects_refs",
            "query" => "query",
            "datetime" => "datetime",
            "limit" | "sortby" | "fields" | "token" | "page" => continue,
            _ => return None,
        };
        arguments.push(format!("{argument}={}", python_value(value)));
    }
    if let Some(folder) = &selection.folder {
        arguments.push(format!("folder={}", json!(folder)));
    }
    Some(arguments)
}

/// What failed is logged by the client, which gives no file then.
const PYTHON_END: &str = "if not file:\n    sys.exit(\"there is no file\")\nprint(file)\n";

fn python(base: &str, name: &str, selections: &[Selection]) -> String {
    let calls: Option<Vec<Vec<String>>> = selections.iter().map(arguments).collect();
    let api = json!(format!("{base}/api"));
    let name = json!(if name.is_empty() { "order" } else { name });
    let Some(calls) = calls else { return python_plain(base, &name, selections) };
    let mut out = format!(
        "# Orders files, waits until they are ready and fetches them.\n\
         # Needs py-hydroweb (pip install py-hydroweb). The key stands in HYDROWEB_API_KEY.\n\
         import sys\n\n\
         import py_hydroweb\n\n\
         client = py_hydroweb.Client({api})\n\
         basket = py_hydroweb.DownloadBasket({name})\n"
    );
    for arguments in calls {
        out.push_str(&format!("basket.add_collection({})\n", arguments.join(", ")));
    }
    out.push_str("file = client.submit_and_download_zip(basket)\n");
    out.push_str(PYTHON_END);
    out
}

/// For what py-hydroweb does not know: its standard calls for waiting and fetching, and a body of our own.
fn python_plain(base: &str, name: &Value, selections: &[Selection]) -> String {
    let api = json!(format!("{base}/api"));
    let body = python_value(&json!({"name": name, "selections": selections}));
    format!(
        "# Orders files, waits until they are ready and fetches them.\n\
         # Needs py-hydroweb (pip install py-hydroweb). The key stands in HYDROWEB_API_KEY.\n\
         import sys\n\n\
         import py_hydroweb\n\
         import requests\n\n\
         client = py_hydroweb.Client({api})\n\
         body = {body}\n\
         answer = requests.post({api} + \"/download/workflows\", json=body, headers=client.headers, timeout=60)\n\
         if not answer.ok:\n    \
             sys.exit(f\"refused ({{answer.status_code}}): {{answer.text}}\")\n\
         file = client.download_zip(answer.json()[\"workflowId\"])\n\
         {PYTHON_END}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selection(value: Value) -> Selection {
        serde_json::from_value(value).expect("a selection")
    }

    #[test]
    fn a_script_of_known_conditions_uses_the_client_s_own_calls() {
        let selections = [
            selection(json!({"collectionId": "A", "filters": {"bbox": [1, 2, 3, 4], "query": {"x": {"eq": true}}}})),
            selection(json!({"search": {"collections": ["B"], "intersectsRefs": ["C.1"]}, "folder": "b"})),
        ];
        let text = script(Kind::Python, "https://h.example/p", "my \"order\"", &selections);
        assert!(text.contains("py_hydroweb.Client(\"https://h.example/p/api\")"), "{text}");
        assert!(text.contains("add_collection(\"A\", bbox=[1, 2, 3, 4], query={\"x\": {\"eq\": True}})"), "{text}");
        assert!(text.contains("add_collection(\"B\", intersects_refs=[\"C.1\"], folder=\"b\")"), "{text}");
        let other = [selection(json!({"search": {"q": "Garonne"}, "formats": ["csv"]}))];
        let text = script(Kind::Python, "https://h.example", "", &other);
        assert!(text.contains("requests.post") && !text.contains("add_collection"), "{text}");
    }

    #[test]
    fn nothing_in_a_selection_ends_the_shell_s_text() {
        let selections = [selection(json!({"search": {"q": "l'eau'; rm -rf / #\nBODY\n"}}))];
        let text = script(Kind::Curl, "https://h.example/o'b", "", &selections);
        assert!(text.contains("api='https://h.example/o'\\''b/api/download/workflows'"), "{text}");
        assert_eq!(text.lines().filter(|line| *line == "BODY").count(), 1, "{text}");
        let other = script(Kind::Curl, "https://h.example", "", &selections);
        let kept = |text: &str| text.lines().find(|line| line.starts_with("kept=")).map(str::to_owned);
        assert!(kept(&text).is_some() && kept(&text) != kept(&other), "each order has a file of its own");
    }
}
