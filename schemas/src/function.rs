//! The functions that a filter may call, in one table: the reader, the evaluator and `/functions` follow it.

/// A function of a filter. [`Function::Casei`] and [`Function::Accenti`] are CQL2's own; the others are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Function {
    /// Text without the difference of upper and lower case.
    Casei,
    /// Text without accents.
    Accenti,
    /// Text in lower case.
    Lower,
    /// Text in upper case.
    Upper,
    /// Number of characters.
    Length,
    /// Number without its sign.
    Abs,
    /// Largest whole number that is not larger.
    Floor,
    /// Smallest whole number that is not smaller.
    Ceil,
    /// Nearest whole number, halves away from zero.
    Round,
    /// Year of a moment, UTC.
    Year,
    /// Month of a moment from 1 to 12, UTC.
    Month,
    /// Day of the month of a moment, UTC.
    Day,
    /// Hour of a moment from 0 to 23, UTC.
    Hour,
    /// Great-circle distance of an item's geometry from a point, kilometres.
    DistanceKm,
}

/// Type of an argument or of what a function returns, in the words of OGC API Features.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ArgumentType {
    /// Text.
    Text,
    /// A number.
    Number,
    /// A whole number.
    Integer,
    /// A moment.
    Moment,
    /// A geometry.
    Geometry,
}

impl ArgumentType {
    /// The name that OGC API Features gives the type.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Number => "number",
            Self::Integer => "integer",
            Self::Moment => "datetime",
            Self::Geometry => "geometry",
        }
    }
}

/// An argument of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Short name.
    pub title: &'static str,
    /// Its type.
    pub kind: ArgumentType,
}

/// What there is to know of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FunctionInfo {
    /// The function.
    pub function: Function,
    /// Name as written in filters; case does not matter to the reader.
    pub name: &'static str,
    /// One sentence.
    pub description: &'static str,
    /// Arguments in order; all are needed.
    pub arguments: &'static [Argument],
    /// Type of the value.
    pub returns: ArgumentType,
}

const fn argument(title: &'static str, kind: ArgumentType) -> Argument {
    Argument { title, kind }
}

const TEXT: &[Argument] = &[argument("text", ArgumentType::Text)];
const NUMBER: &[Argument] = &[argument("number", ArgumentType::Number)];
const MOMENT: &[Argument] = &[argument("moment", ArgumentType::Moment)];
const GEOMETRY_AND_POINT: &[Argument] =
    &[argument("geometry", ArgumentType::Geometry), argument("point", ArgumentType::Geometry)];

/// All functions. The first two are operators of CQL2 itself, which `/functions` leaves out.
pub const FUNCTIONS: &[FunctionInfo] = &[
    FunctionInfo {
        function: Function::Casei,
        name: "casei",
        description: "Text that is equal to every other way of writing it in upper and lower case",
        arguments: TEXT,
        returns: ArgumentType::Text,
    },
    FunctionInfo {
        function: Function::Accenti,
        name: "accenti",
        description: "Text without accents and other marks on letters",
        arguments: TEXT,
        returns: ArgumentType::Text,
    },
    FunctionInfo {
        function: Function::Lower,
        name: "lower",
        description: "Text in lower case",
        arguments: TEXT,
        returns: ArgumentType::Text,
    },
    FunctionInfo {
        function: Function::Upper,
        name: "upper",
        description: "Text in upper case",
        arguments: TEXT,
        returns: ArgumentType::Text,
    },
    FunctionInfo {
        function: Function::Length,
        name: "length",
        description: "Number of characters of a text",
        arguments: TEXT,
        returns: ArgumentType::Integer,
    },
    FunctionInfo {
        function: Function::Abs,
        name: "abs",
        description: "Number without its sign",
        arguments: NUMBER,
        returns: ArgumentType::Number,
    },
    FunctionInfo {
        function: Function::Floor,
        name: "floor",
        description: "Largest whole number that is not larger than a number",
        arguments: NUMBER,
        returns: ArgumentType::Number,
    },
    FunctionInfo {
        function: Function::Ceil,
        name: "ceil",
        description: "Smallest whole number that is not smaller than a number",
        arguments: NUMBER,
        returns: ArgumentType::Number,
    },
    FunctionInfo {
        function: Function::Round,
        name: "round",
        description: "Whole number nearest to a number, halves away from zero",
        arguments: NUMBER,
        returns: ArgumentType::Number,
    },
    FunctionInfo {
        function: Function::Year,
        name: "year",
        description: "Year of a moment in UTC",
        arguments: MOMENT,
        returns: ArgumentType::Integer,
    },
    FunctionInfo {
        function: Function::Month,
        name: "month",
        description: "Month of a moment in UTC, from 1 to 12",
        arguments: MOMENT,
        returns: ArgumentType::Integer,
    },
    FunctionInfo {
        function: Function::Day,
        name: "day",
        description: "Day of the month of a moment in UTC, from 1 to 31",
        arguments: MOMENT,
        returns: ArgumentType::Integer,
    },
    FunctionInfo {
        function: Function::Hour,
        name: "hour",
        description: "Hour of a moment in UTC, from 0 to 23",
        arguments: MOMENT,
        returns: ArgumentType::Integer,
    },
    FunctionInfo {
        function: Function::DistanceKm,
        name: "distance_km",
        description: "Great-circle distance in kilometres between the closest point of an item's geometry and a point; \
                      0 inside an area",
        arguments: GEOMETRY_AND_POINT,
        returns: ArgumentType::Number,
    },
];

impl Function {
    /// What there is to know of the function.
    pub fn info(self) -> &'static FunctionInfo {
        // The table has every function, as a test holds.
        FUNCTIONS.iter().find(|info| info.function == self).unwrap_or(&FUNCTIONS[0])
    }

    /// The function of a name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        FUNCTIONS.iter().find(|info| info.name.eq_ignore_ascii_case(name)).map(|info| info.function)
    }

    /// Whether CQL2 itself has it, so that it is no function of this service's own.
    pub fn is_of_cql2(self) -> bool {
        matches!(self, Self::Casei | Self::Accenti)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_function_is_found_by_its_own_name_in_any_case() {
        use Function::*;
        for function in
            [Casei, Accenti, Lower, Upper, Length, Abs, Floor, Ceil, Round, Year, Month, Day, Hour, DistanceKm]
        {
            assert_eq!(function.info().function, function);
            assert_eq!(Function::named(&function.info().name.to_uppercase()), Some(function));
        }
        assert_eq!(FUNCTIONS.len(), 14);
        assert_eq!(Function::named("buffer"), None);
    }
}
