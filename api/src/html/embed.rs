//! JSON inside a page. A data block is no script: browsers keep it as text, and the content security policy lets it pass.

use maud::{Markup, PreEscaped, html};
use serde_json::Value;

/// A block of this media type. What could end the block or begin markup is escaped, so that any text may stand in it.
pub(super) fn data_block(media_type: &str, value: &Value) -> Markup {
    let text = value.to_string().replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026");
    html! { script type=(media_type) { (PreEscaped(text)) } }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn no_text_ends_the_block_and_all_come_back() {
        let value = json!({"a": "</script><script>alert(1)</script><!-- & \u{2028}"});
        let block = data_block("application/ld+json", &value).into_string();
        let inner = block.trim_start_matches("<script type=\"application/ld+json\">").trim_end_matches("</script>");
        assert!(!inner.contains('<') && !inner.contains('>'), "{inner}");
        assert_eq!(serde_json::from_str::<Value>(inner).expect("JSON"), value);
    }
}
