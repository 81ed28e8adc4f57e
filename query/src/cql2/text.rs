//! CQL2 text, by recursive descent.
//!
//! A bracket may hold a condition or a value, and which of the two shows only later. So everything is read by one ladder of
//! precedence into a [`Term`], which is asked what it is where that matters; nothing is read twice.

use nilometer_schemas::limits::FILTER_BYTES_MAX;
use nilometer_schemas::{
    ArgumentType, Arithmetic, ArrayRelation, Comparison, Crs, Expr, Filter, Problem, Scalar, SpatialRelation,
    TemporalRelation,
};

use super::QueryGeometry;
use super::build::{self, Budget, Operand};
use super::lex::{self, Located, Token};

/// Reads the whole text as one condition.
pub(super) fn parse(text: &str, crs: Crs) -> Result<Filter, Problem> {
    let mut parser = Parser::new(text, crs)?;
    let term = parser.alternatives(1)?;
    let filter = parser.condition(term)?;
    if *parser.peek() != Token::End {
        return Err(parser.expected("AND, OR or the end of the filter"));
    }
    build::finish(filter)
}

/// Reads the whole text as one geometry in well-known text.
pub(super) fn parse_wkt(text: &str) -> Result<QueryGeometry, Problem> {
    let mut parser = Parser::new(text, Crs::Crs84)?;
    let geometry = parser.geometry_literal()?;
    if *parser.peek() != Token::End {
        return Err(parser.expected("the end of the geometry"));
    }
    Ok(geometry)
}

/// What a part of the text turned out to be.
enum Term {
    Condition(Filter),
    Value(Operand),
}

impl From<Expr> for Term {
    fn from(value: Expr) -> Self {
        Self::Value(value.into())
    }
}

/// A relation that is written as a function.
enum Relation {
    Spatial(SpatialRelation),
    Temporal(TemporalRelation),
    Array(ArrayRelation),
}

impl Relation {
    fn named(word: &str) -> Option<Self> {
        let is = |operator: &str| operator.eq_ignore_ascii_case(word);
        let spatial = SpatialRelation::ALL.into_iter().find(|r| is(r.operator())).map(Self::Spatial);
        let temporal = || TemporalRelation::ALL.into_iter().find(|r| is(r.operator())).map(Self::Temporal);
        let array = || ArrayRelation::ALL.into_iter().find(|r| is(r.operator())).map(Self::Array);
        spatial.or_else(temporal).or_else(array)
    }
}

/// A text under reading.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Located>,
    next: usize,
    pub(super) budget: Budget,
    /// What positions in it are in.
    pub(super) crs: Crs,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str, crs: Crs) -> Result<Self, Problem> {
        if text.len() > FILTER_BYTES_MAX {
            return Err(build::too_large("bytes of text", FILTER_BYTES_MAX));
        }
        Ok(Self { text, tokens: lex::tokens(text)?, next: 0, budget: Budget::new(), crs })
    }

    pub(super) fn peek(&self) -> &Token {
        &self.tokens[self.next].token
    }

    fn peek_second(&self) -> &Token {
        self.tokens.get(self.next + 1).map_or(&Token::End, |located| &located.token)
    }

    /// Steps over a token; the end is never stepped over.
    fn advance(&mut self) {
        if *self.peek() != Token::End {
            self.next += 1;
        }
    }

    /// Steps over a symbol, if it is next.
    pub(super) fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = matches!(self.peek(), Token::Symbol(next) if *next == symbol);
        if found {
            self.advance();
        }
        found
    }

    /// Steps over a bare word, if it is next, in any case.
    pub(super) fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(next) if next.eq_ignore_ascii_case(word));
        if found {
            self.advance();
        }
        found
    }

    pub(super) fn expect_symbol(&mut self, symbol: &str) -> Result<(), Problem> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.expected(&format!("'{symbol}'"))) }
    }

    /// The problem of finding the next token here.
    pub(super) fn expected(&self, what: &str) -> Problem {
        let Located { token, at } = &self.tokens[self.next];
        lex::syntax(self.text, *at, &format!("expected {what}, found {}", lex::shown(token)))
    }

    /// The term as a condition; only `TRUE` and `FALSE` are values too.
    fn condition(&mut self, term: Term) -> Result<Filter, Problem> {
        match term {
            Term::Condition(filter) => Ok(filter),
            Term::Value(Operand::Expr(Expr::Literal(Scalar::Bool(truth)))) => Ok(Filter::Const(truth)),
            Term::Value(_) => {
                Err(self.expected("a comparison (= <> < <= > >=), [NOT] IN, LIKE or BETWEEN, or IS [NOT] NULL"))
            }
        }
    }

    /// The term as a value.
    fn value(&self, term: Term, what: &str) -> Result<Operand, Problem> {
        match term {
            Term::Value(operand) => Ok(operand),
            Term::Condition(_) => Err(self.expected(&format!("{what} before this, not a condition"))),
        }
    }

    /// `a OR b OR c`.
    fn alternatives(&mut self, depth: usize) -> Result<Term, Problem> {
        let first = self.conjunction(depth)?;
        if !self.is_word("OR") {
            return Ok(first);
        }
        let mut children = vec![self.condition(first)?];
        while self.take_word("OR") {
            let next = self.conjunction(depth)?;
            children.push(self.condition(next)?);
        }
        Ok(Term::Condition(build::any(children)))
    }

    /// `a AND b AND c`.
    fn conjunction(&mut self, depth: usize) -> Result<Term, Problem> {
        let first = self.negation(depth)?;
        if !self.is_word("AND") {
            return Ok(first);
        }
        let mut children = vec![self.condition(first)?];
        while self.take_word("AND") {
            let next = self.negation(depth)?;
            children.push(self.condition(next)?);
        }
        Ok(Term::Condition(build::all(children)))
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Token::Word(next) if next.eq_ignore_ascii_case(word))
    }

    /// `NOT a`, `NOT NOT a`, `a`.
    fn negation(&mut self, depth: usize) -> Result<Term, Problem> {
        if !self.is_word("NOT") {
            return self.predicate(depth);
        }
        let mut depth = depth;
        let mut negative = false;
        while self.take_word("NOT") {
            depth += 1;
            negative = !negative;
            build::check_depth(depth)?;
        }
        let term = self.predicate(depth)?;
        let filter = self.condition(term)?;
        Ok(Term::Condition(if negative { build::negate(filter) } else { filter }))
    }

    /// A value and what is said of it, or either alone.
    fn predicate(&mut self, depth: usize) -> Result<Term, Problem> {
        let left = match self.sum(depth, "a condition")? {
            Term::Value(operand) => operand,
            condition => return Ok(condition),
        };
        if let Some(op) = comparison(self.peek()) {
            self.advance();
            self.budget.node()?;
            let right = self.operand(depth, "a value")?;
            return Ok(Term::Condition(build::compare(left, op, right)?));
        }
        if self.take_word("IS") {
            self.budget.node()?;
            let negative = self.take_word("NOT");
            if !self.take_word("NULL") {
                return Err(self.expected("NULL or NOT NULL"));
            }
            let filter = build::null(left)?;
            return Ok(Term::Condition(if negative { build::negate(filter) } else { filter }));
        }
        let negative = self.take_word("NOT");
        let filter = if self.take_word("IN") {
            self.budget.node()?;
            let list = self.list_of_values(depth, false)?;
            build::in_list(left, list)?
        } else if self.take_word("BETWEEN") {
            self.budget.node()?;
            self.between(left, depth)?
        } else if self.take_word("LIKE") {
            self.budget.node()?;
            let pattern = self.pattern(depth)?;
            build::like(left, pattern)?
        } else if negative {
            return Err(self.expected("IN, LIKE or BETWEEN"));
        } else {
            return Ok(Term::Value(left));
        };
        Ok(Term::Condition(if negative { build::negate(filter) } else { filter }))
    }

    fn between(&mut self, value: Operand, depth: usize) -> Result<Filter, Problem> {
        let low = self.operand(depth, "a value")?;
        if !self.take_word("AND") {
            return Err(self.expected("AND and the upper bound"));
        }
        let high = self.operand(depth, "a value")?;
        build::between(value, low, high)
    }

    /// `(a, b, c)`; what may be empty is an array.
    fn list_of_values(&mut self, depth: usize, may_be_empty: bool) -> Result<Vec<Operand>, Problem> {
        self.expect_symbol("(")?;
        if may_be_empty && self.take_symbol(")") {
            return Ok(Vec::new());
        }
        let mut values = vec![self.operand(depth, "a value")?];
        while self.take_symbol(",") {
            values.push(self.operand(depth, "a value")?);
            build::check_list(values.len())?;
        }
        if !self.take_symbol(")") {
            return Err(self.expected("',' or ')'"));
        }
        Ok(values)
    }

    /// A pattern in quotes, or `CASEI` or `ACCENTI` of one.
    fn pattern(&mut self, depth: usize) -> Result<Expr, Problem> {
        build::check_depth(depth)?;
        self.budget.node()?;
        match self.peek() {
            Token::Text(pattern) => {
                let pattern = Expr::text(pattern.as_str());
                self.advance();
                Ok(pattern)
            }
            Token::Word(word) if *self.peek_second() == Token::Symbol("(") => {
                let function = build::function(word)?;
                self.advance();
                self.expect_symbol("(")?;
                let inner = self.pattern(depth + 1)?;
                self.expect_symbol(")")?;
                Ok(Expr::Call(function, vec![inner]))
            }
            _ => Err(self.expected("a pattern in single quotes, as 'SWOT%'")),
        }
    }

    /// A value that is no condition.
    fn operand(&mut self, depth: usize, what: &str) -> Result<Operand, Problem> {
        let term = self.sum(depth, what)?;
        self.value(term, what)
    }

    /// `a + b - c`. Each step makes the tree one level deeper.
    fn sum(&mut self, depth: usize, what: &str) -> Result<Term, Problem> {
        let mut left = self.product(depth, what)?;
        let mut levels = depth;
        loop {
            let op = match self.peek() {
                Token::Symbol("+") => Arithmetic::Add,
                Token::Symbol("-") => Arithmetic::Subtract,
                _ => return Ok(left),
            };
            levels += 1;
            left = self.step(left, op, levels, |parser| parser.product(depth, "a value"))?;
        }
    }

    /// `a * b / c % d div e`.
    fn product(&mut self, depth: usize, what: &str) -> Result<Term, Problem> {
        let mut left = self.power(depth, what)?;
        let mut levels = depth;
        loop {
            let op = match self.peek() {
                Token::Symbol("*") => Arithmetic::Multiply,
                Token::Symbol("/") => Arithmetic::Divide,
                Token::Symbol("%") => Arithmetic::Remainder,
                Token::Word(word) if word.eq_ignore_ascii_case("div") => Arithmetic::IntegerDivide,
                _ => return Ok(left),
            };
            levels += 1;
            left = self.step(left, op, levels, |parser| parser.power(depth, "a value"))?;
        }
    }

    /// `a ^ b`; of three the standard does not say which two belong together.
    fn power(&mut self, depth: usize, what: &str) -> Result<Term, Problem> {
        let left = self.factor(depth, what)?;
        if *self.peek() != Token::Symbol("^") {
            return Ok(left);
        }
        let whole = self.step(left, Arithmetic::Power, depth + 1, |parser| parser.factor(depth, "a value"))?;
        if *self.peek() == Token::Symbol("^") {
            return Err(self.expected("brackets around the first two of a ^ b ^ c"));
        }
        Ok(whole)
    }

    /// Steps over an operator and joins what stands on its sides.
    fn step(
        &mut self,
        left: Term,
        op: Arithmetic,
        levels: usize,
        right: impl FnOnce(&mut Self) -> Result<Term, Problem>,
    ) -> Result<Term, Problem> {
        build::check_depth(levels)?;
        self.budget.node()?;
        let left = self.value(left, "a value")?;
        self.advance();
        let right = right(self)?;
        let right = self.value(right, "a value")?;
        Ok(build::arithmetic(op, left, right)?.into())
    }

    /// A value with or without sign. The minus of what is no number is a multiplication by -1.
    fn factor(&mut self, depth: usize, what: &str) -> Result<Term, Problem> {
        if !matches!(self.peek(), Token::Symbol("+" | "-")) {
            return self.primary(depth, what);
        }
        let mut negative = false;
        loop {
            if self.take_symbol("-") {
                negative = !negative;
            } else if !self.take_symbol("+") {
                break;
            }
        }
        let term = self.primary(depth, "a number")?;
        let operand = self.value(term, "a number")?;
        Ok(match operand {
            operand if !negative => Term::Value(operand),
            Operand::Expr(Expr::Literal(Scalar::Number(number))) => Expr::number(-number).into(),
            operand => {
                build::check_depth(depth + 1)?;
                self.budget.node()?;
                self.budget.node()?;
                build::arithmetic(Arithmetic::Multiply, Expr::number(-1.0).into(), operand)?.into()
            }
        })
    }

    /// A bracket, a literal, a property, a function or a relation.
    fn primary(&mut self, depth: usize, what: &str) -> Result<Term, Problem> {
        if self.take_symbol("(") {
            build::check_depth(depth + 1)?;
            let inner = self.alternatives(depth + 1)?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        self.budget.node()?;
        let value = match self.peek() {
            Token::Text(text) => {
                let text = text.clone();
                self.budget.text(&text)?;
                Expr::text(text)
            }
            Token::Number(number) => Expr::number(*number),
            Token::Quoted(name) => self.name(&name.clone())?,
            Token::Word(_) if self.begins_geometry() => {
                let geometry = self.geometry_literal();
                return Ok(self.budget.geometry(geometry)?.into());
            }
            Token::Word(word) if *self.peek_second() == Token::Symbol("(") && !lex::is_keyword(word) => {
                let word = word.clone();
                return self.function(&word, depth);
            }
            Token::Word(word) if is_truth(word) => Expr::Literal(Scalar::Bool(word.eq_ignore_ascii_case("TRUE"))),
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => {
                return Err(self.expected(&format!("{what} (null is asked for by IS NULL)")));
            }
            Token::Word(word) if !lex::is_keyword(word) => self.name(&word.clone())?,
            _ => return Err(self.expected(what)),
        };
        self.advance();
        Ok(value.into())
    }

    fn name(&mut self, name: &str) -> Result<Expr, Problem> {
        let property = build::property(name)?;
        self.budget.text(&property)?;
        Ok(Expr::Property(property))
    }

    /// Whether a geometry literal is next, and no property or function of such a name.
    fn begins_geometry(&self) -> bool {
        let Token::Word(word) = self.peek() else { return false };
        super::wkt::is_geometry_type(word)
            && match self.peek_second() {
                Token::Symbol(symbol) => *symbol == "(",
                Token::Word(next) => ["Z", "M", "ZM", "EMPTY"].iter().any(|tag| tag.eq_ignore_ascii_case(next)),
                _ => false,
            }
    }

    /// What stands before a bracket: a moment, an interval, a relation or a function.
    fn function(&mut self, word: &str, depth: usize) -> Result<Term, Problem> {
        match word.to_ascii_uppercase().as_str() {
            "TIMESTAMP" => return Ok(Term::Value(self.moment(build::timestamp)?)),
            "DATE" => return Ok(Term::Value(self.moment(build::date)?)),
            _ => {}
        }
        build::check_depth(depth)?;
        if word.eq_ignore_ascii_case("INTERVAL") {
            return Ok(self.interval()?.into());
        }
        if let Some(relation) = Relation::named(word) {
            return Ok(Term::Condition(self.relation(relation, depth + 1)?));
        }
        build::check_depth(depth + 1)?;
        let function = build::function(word)?;
        self.advance();
        self.expect_symbol("(")?;
        let mut arguments = Vec::new();
        for (index, argument) in function.info().arguments.iter().enumerate() {
            if index > 0 {
                self.expect_symbol(",")?;
            }
            let what = if argument.kind == ArgumentType::Geometry { GEOMETRY } else { "a value" };
            arguments.push(self.operand(depth + 1, what)?);
        }
        self.expect_symbol(")")?;
        Ok(build::call(function, arguments)?.into())
    }

    /// A relation and its two sides; the name is next.
    fn relation(&mut self, relation: Relation, depth: usize) -> Result<Filter, Problem> {
        self.advance();
        self.expect_symbol("(")?;
        let what = match relation {
            Relation::Spatial(_) => GEOMETRY,
            Relation::Temporal(_) => "a property, TIMESTAMP('…'), DATE('…') or INTERVAL(…, …)",
            Relation::Array(_) => "a property or an array, as ('a','b')",
        };
        let is_array = matches!(relation, Relation::Array(_));
        let left = self.side(is_array, depth, what)?;
        self.expect_symbol(",")?;
        let right = self.side(is_array, depth, what)?;
        self.expect_symbol(")")?;
        match relation {
            Relation::Spatial(relation) => build::spatial(relation, left, right),
            Relation::Temporal(relation) => build::temporal(relation, left, right),
            Relation::Array(relation) => build::array_relation(relation, left, right),
        }
    }

    fn side(&mut self, is_array: bool, depth: usize, what: &str) -> Result<Operand, Problem> {
        if is_array && *self.peek() == Token::Symbol("(") {
            self.budget.node()?;
            return Ok(build::array(self.list_of_values(depth, true)?)?.into());
        }
        self.operand(depth, what)
    }

    /// `TIMESTAMP('…')` or `DATE('…')`; the name is next.
    fn moment(&mut self, read: impl FnOnce(&str) -> Result<Operand, Problem>) -> Result<Operand, Problem> {
        self.advance();
        self.expect_symbol("(")?;
        let Token::Text(text) = self.peek() else {
            return Err(self.expected("a time in single quotes"));
        };
        let operand = read(text)?;
        self.advance();
        self.expect_symbol(")")?;
        Ok(operand)
    }

    /// `INTERVAL(start, end)`; the name is next.
    fn interval(&mut self) -> Result<Expr, Problem> {
        self.advance();
        self.expect_symbol("(")?;
        let start = self.end_of_interval()?;
        self.expect_symbol(",")?;
        let end = self.end_of_interval()?;
        self.expect_symbol(")")?;
        build::interval(start, end)
    }

    fn end_of_interval(&mut self) -> Result<Option<Operand>, Problem> {
        self.budget.node()?;
        let end = match self.peek() {
            Token::Text(text) => build::end_of_text(text)?,
            Token::Quoted(name) => Some(self.name(&name.clone())?.into()),
            Token::Word(word) if *self.peek_second() == Token::Symbol("(") => {
                return match word.to_ascii_uppercase().as_str() {
                    "TIMESTAMP" => self.moment(build::timestamp).map(Some),
                    "DATE" => self.moment(build::date).map(Some),
                    _ => Err(self.expected(END)),
                };
            }
            Token::Word(word) if !lex::is_keyword(word) => Some(self.name(&word.clone())?.into()),
            _ => return Err(self.expected(END)),
        };
        self.advance();
        Ok(end)
    }

    /// A number with or without sign.
    pub(super) fn signed_number(&mut self) -> Result<f64, Problem> {
        let negative = self.take_symbol("-");
        if !negative {
            self.take_symbol("+");
        }
        let Token::Number(number) = *self.peek() else {
            let at = self.tokens[self.next].at;
            let found = lex::shown(self.peek());
            return Err(lex::syntax(self.text, at, &format!("expected a number, found {found}")));
        };
        self.advance();
        Ok(if negative { -number } else { number })
    }
}

/// What a spatial function takes.
const GEOMETRY: &str = "geometry or a geometry literal, as POLYGON((…))";
/// What an end of an interval is.
const END: &str = "a property, a time in single quotes, or '..'";

fn is_truth(word: &str) -> bool {
    word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE")
}

fn comparison(token: &Token) -> Option<Comparison> {
    let Token::Symbol(symbol) = token else { return None };
    Some(match *symbol {
        "=" => Comparison::Equal,
        "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        _ => return None,
    })
}
