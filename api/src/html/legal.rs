//! Legal notice, accessibility statement and privacy note: Markdown texts that those who run a service may replace.

use std::fs;
use std::io::ErrorKind;
use std::path::Path;

use maud::html;

use super::jsonld::canonical;
use super::language::Language;
use super::layout::{Frame, Page, breadcrumbs};
use super::markdown;
use crate::config::Config;
use crate::problem::ApiError;
use crate::routes::ask::Ask;

/// Most bytes of a text of one's own.
const TEXT_BYTES_MAX: u64 = 1 << 20;

/// A text of this kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Legal {
    /// Who runs the service, under which terms.
    Notice,
    /// How accessible the pages are.
    Accessibility,
    /// What is kept of visitors.
    Privacy,
}

impl Legal {
    /// All of them, as the footer lists them.
    pub(crate) const ALL: [Self; 3] = [Self::Notice, Self::Accessibility, Self::Privacy];

    /// The last part of its address, and the beginning of its file's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Notice => "legal",
            Self::Accessibility => "accessibility",
            Self::Privacy => "privacy",
        }
    }

    /// Its path.
    pub(crate) fn path(self) -> String {
        format!("/pages/{}", self.name())
    }

    /// What links to it say.
    pub(super) fn title(self, language: Language) -> &'static str {
        match self {
            Self::Notice => language.of("Legal notice", "Mentions légales"),
            Self::Accessibility => language.of("Accessibility", "Accessibilité"),
            Self::Privacy => language.of("Privacy", "Confidentialité"),
        }
    }

    /// The text that holds where nobody wrote another one.
    fn own_text(self, language: Language) -> &'static str {
        let (english, french) = match self {
            Self::Notice => (include_str!("../../pages/legal.en.md"), include_str!("../../pages/legal.fr.md")),
            Self::Accessibility => {
                (include_str!("../../pages/accessibility.en.md"), include_str!("../../pages/accessibility.fr.md"))
            }
            Self::Privacy => (include_str!("../../pages/privacy.en.md"), include_str!("../../pages/privacy.fr.md")),
        };
        language.of(english, french)
    }

    /// The text in a language: `NAME.LANGUAGE.md` of the folder, else our own.
    ///
    /// # Errors
    /// `Internal` for a file that is there and cannot be read.
    fn text(self, language: Language, folder: Option<&Path>) -> Result<String, ApiError> {
        let Some(folder) = folder else { return Ok(self.own_text(language).to_owned()) };
        let file = folder.join(format!("{}.{}.md", self.name(), language.tag()));
        match fs::metadata(&file) {
            Ok(known) if known.len() > TEXT_BYTES_MAX => {
                Err(ApiError::internal(format!("{} has more than {TEXT_BYTES_MAX} bytes", file.display())))
            }
            Ok(_) => fs::read_to_string(&file).map_err(ApiError::internal),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(self.own_text(language).to_owned()),
            Err(error) => Err(ApiError::internal(error)),
        }
    }
}

/// The page of a text.
///
/// # Errors
/// `Internal` for a file that is there and cannot be read.
pub(crate) fn legal(ask: &Ask, kind: Legal, config: &Config) -> Result<String, ApiError> {
    let frame = Frame { json: None, ..Frame::of(ask) };
    let title = kind.title(frame.language);
    let text = filled(&kind.text(frame.language, config.pages.as_deref())?, frame.language, config);
    let main = html! {
        div.narrow.stack {
            (breadcrumbs(&frame, &[("Nilometer", "/".to_owned())], title))
            article.prose { (markdown::trusted(&text)) }
        }
    };
    let head = canonical(&frame, &kind.path());
    Ok(frame.whole(&Page { title, head, main, ..Page::default() }))
}

/// The text with the service's name and contact in it, and for how long what is kept.
fn filled(text: &str, language: Language, config: &Config) -> String {
    let service = &config.service;
    let name = language.of(&service.title_en, &service.title_fr);
    let contact = match service.contact.as_str() {
        "" => language
            .of(
                "no contact is given yet; set `service.contact` in the settings of this service.",
                "aucun contact n'est encore indiqué ; renseignez `service.contact` dans les réglages de ce service.",
            )
            .to_owned(),
        mail if mail.contains('@') && !mail.contains("://") => format!("<{mail}>"),
        address if address.contains("://") => format!("<{address}>"),
        text => text.to_owned(),
    };
    text.replace("{{service}}", name)
        .replace("{{contact}}", &contact)
        .replace("{{audit_days}}", &config.accounts.audit_days.to_string())
        .replace("{{mail_days}}", &config.mail.days.to_string())
        .replace("{{log_days}}", &config.log.days.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_has_one_heading_of_the_first_level_and_says_whom_to_write_to() {
        let contact = ("service.contact", "a@b.example");
        let config = Config::from_pairs(&[("service.title_en", "Water"), ("service.title_fr", "Eau"), contact]);
        let config = config.expect("valid");
        for kind in Legal::ALL {
            for language in [Language::English, Language::French] {
                let text = filled(&kind.text(language, None).expect("embedded"), language, &config);
                let page = markdown::trusted(&text).into_string();
                assert_eq!(page.matches("<h1>").count(), 1, "{kind:?}");
                assert!(page.contains("href=\"mailto:a@b.example\"") && !page.contains("{{"), "{page}");
            }
        }
    }

    #[test]
    fn a_file_replaces_the_text_and_can_bring_no_script() {
        let folder = tempfile::tempdir().expect("a folder");
        let own = "# Ours\n\nOur <script>alert(1)</script> [x](javascript:alert(1)) [y](https://water.example/)";
        fs::write(folder.path().join("legal.en.md"), own).expect("written");
        let text = Legal::Notice.text(Language::English, Some(folder.path())).expect("there");
        let page = markdown::trusted(&text).into_string();
        assert!(page.contains("<h1>Ours</h1>") && page.contains("href=\"https://water.example/\""), "{page}");
        assert!(!page.contains("<script") && !page.contains("javascript:"), "{page}");
        let french = Legal::Notice.text(Language::French, Some(folder.path())).expect("embedded");
        assert!(french.starts_with("# Mentions légales"));
    }
}
