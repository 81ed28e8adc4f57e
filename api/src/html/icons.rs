//! Drawings of 24 by 24 units in the colour of the text beside them. They are never the only name of anything.

use maud::{Markup, html};

/// A drawing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Icon {
    /// Light theme.
    Sun,
    /// Dark theme.
    Moon,
    /// Search.
    Glass,
    /// A place.
    Pin,
    /// Dates.
    Calendar,
    /// Narrowing down.
    Filter,
    /// Taking away.
    Cross,
    /// Taking data.
    Download,
    /// The map.
    Map,
    /// The list.
    List,
    /// An account.
    Person,
}

impl Icon {
    fn path(self) -> &'static str {
        match self {
            Self::Sun => {
                "M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8M12 2v2M12 20v2M4.9 4.9l1.4 1.4M17.7 17.7l1.4 1.4M2 12h2M20 12h2M4.9 19.1l1.4-1.4M17.7 6.3l1.4-1.4"
            }
            Self::Moon => "M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z",
            Self::Glass => "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.3 15.3 21 21",
            Self::Pin => {
                "M12 21s7-6.2 7-11.5a7 7 0 0 0-14 0C5 14.8 12 21 12 21M12 7a2.5 2.5 0 1 0 0 5 2.5 2.5 0 0 0 0-5"
            }
            Self::Calendar => "M4 6h16v14H4zM4 10.5h16M8 3v4M16 3v4",
            Self::Filter => "M3 6h18M6.5 12h11M10 18h4",
            Self::Cross => "M6 6l12 12M18 6 6 18",
            Self::Download => "M12 4v11M7 10.5l5 5 5-5M4 20h16",
            Self::Map => "M9 4 3 6.5v13.5l6-2.5 6 2.5 6-2.5V4l-6 2.5zM9 4v13.5M15 6.5v13.5",
            Self::Person => "M12 4a4 4 0 1 0 0 8 4 4 0 0 0 0-8M4.5 20.5a7.5 7.5 0 0 1 15 0",
            Self::List => "M8 6h13M8 12h13M8 18h13M3.5 6h.01M3.5 12h.01M3.5 18h.01",
        }
    }
}

/// The drawing, silent for screen readers.
pub(super) fn icon(icon: Icon) -> Markup {
    let class = match icon {
        Icon::Sun => "icon sun",
        Icon::Moon => "icon moon",
        _ => "icon",
    };
    html! {
        svg class=(class) viewBox="0 0 24 24" aria-hidden="true" { path d=(icon.path()) {} }
    }
}
