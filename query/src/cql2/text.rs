//! CQL2 text, by recursive descent.

use nilometer_schemas::limits::FILTER_BYTES_MAX;
use nilometer_schemas::{Comparison, Filter, Problem, Scalar};

use super::QueryGeometry;
use super::build::{self, Budget, Literal};
use super::lex::{self, Located, Token};

/// Reads the whole text as one condition.
pub(super) fn parse(text: &str) -> Result<Filter, Problem> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(build::too_large("bytes of text", FILTER_BYTES_MAX));
    }
    let mut parser = Parser { text, tokens: lex::tokens(text)?, next: 0, budget: Budget::new() };
    let filter = parser.alternatives(1)?;
    if *parser.peek() != Token::End {
        return Err(parser.expected("AND, OR or the end of the filter"));
    }
    build::finish(filter)
}

/// Reads the whole text as one geometry in well-known text.
pub(super) fn parse_wkt(text: &str) -> Result<QueryGeometry, Problem> {
    if text.len() > FILTER_BYTES_MAX {
        return Err(build::too_large("bytes of text", FILTER_BYTES_MAX));
    }
    let mut parser = Parser { text, tokens: lex::tokens(text)?, next: 0, budget: Budget::new() };
    let geometry = parser.geometry_literal()?;
    if *parser.peek() != Token::End {
        return Err(parser.expected("the end of the geometry"));
    }
    Ok(geometry)
}

/// One side of a comparison.
enum Operand {
    Property(String),
    Literal(Literal),
}

/// A text under reading.
pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Located>,
    next: usize,
    pub(super) budget: Budget,
}

impl Parser<'_> {
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
        if let Token::Symbol(sign @ ("+" | "-" | "*" | "/" | "^")) = token {
            let mut problem = build::unsupported(format_args!("arithmetic ('{sign}')"));
            if *sign == "-" {
                problem.detail.push_str("; a name with a hyphen is written in double quotes");
            }
            return problem;
        }
        lex::syntax(self.text, *at, &format!("expected {what}, found {}", lex::shown(token)))
    }

    /// `a OR b OR c`.
    fn alternatives(&mut self, depth: usize) -> Result<Filter, Problem> {
        let mut children = vec![self.conjunction(depth)?];
        while self.take_word("OR") {
            children.push(self.conjunction(depth)?);
        }
        Ok(build::any(children))
    }

    /// `a AND b AND c`.
    fn conjunction(&mut self, depth: usize) -> Result<Filter, Problem> {
        let mut children = vec![self.negation(depth)?];
        while self.take_word("AND") {
            children.push(self.negation(depth)?);
        }
        Ok(build::all(children))
    }

    /// `NOT a`, `NOT NOT a`, `a`.
    fn negation(&mut self, depth: usize) -> Result<Filter, Problem> {
        let mut depth = depth;
        let mut negative = false;
        while self.take_word("NOT") {
            depth += 1;
            negative = !negative;
            build::check_depth(depth)?;
        }
        let filter = self.condition(depth)?;
        Ok(if negative { build::negate(filter) } else { filter })
    }

    /// A group, a constant or a predicate.
    fn condition(&mut self, depth: usize) -> Result<Filter, Problem> {
        if self.take_symbol("(") {
            build::check_depth(depth + 1)?;
            let filter = self.alternatives(depth + 1)?;
            self.expect_symbol(")")?;
            return Ok(filter);
        }
        self.budget.node()?;
        if let Token::Word(word) = self.peek() {
            let is_constant = word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE");
            if is_constant && comparison(self.peek_second()).is_none() {
                let value = word.eq_ignore_ascii_case("TRUE");
                self.advance();
                return Ok(Filter::Const(value));
            }
            if word.eq_ignore_ascii_case("S_INTERSECTS") && *self.peek_second() == Token::Symbol("(") {
                self.advance();
                return self.s_intersects();
            }
        }
        match self.operand("a condition")? {
            Operand::Property(property) => self.predicate(property),
            Operand::Literal(literal) => self.reversed(literal),
        }
    }

    /// What follows a property.
    fn predicate(&mut self, property: String) -> Result<Filter, Problem> {
        if let Some(op) = self.take_comparison() {
            return match self.operand("a literal")? {
                Operand::Literal(literal) => build::compare(property, op, literal),
                Operand::Property(other) => Err(build::unsupported(format_args!(
                    "a comparison of two properties ({property} and {other}; text is written in single quotes)"
                ))),
            };
        }
        if self.take_word("IS") {
            let negative = self.take_word("NOT");
            if !self.take_word("NULL") {
                return Err(self.expected("NULL or NOT NULL"));
            }
            let filter = Filter::IsNull { property };
            return Ok(if negative { build::negate(filter) } else { filter });
        }
        let negative = self.take_word("NOT");
        let filter = if self.take_word("IN") {
            self.in_list(property)?
        } else if self.take_word("BETWEEN") {
            self.between(property)?
        } else if self.take_word("LIKE") {
            self.like(property)?
        } else if negative {
            return Err(self.expected("IN, LIKE or BETWEEN"));
        } else {
            return Err(self.expected("a comparison (= <> < <= > >=), [NOT] IN, LIKE or BETWEEN, or IS [NOT] NULL"));
        };
        Ok(if negative { build::negate(filter) } else { filter })
    }

    /// A comparison that begins with its literal.
    fn reversed(&mut self, literal: Literal) -> Result<Filter, Problem> {
        let Some(op) = self.take_comparison() else {
            return Err(self.expected("a comparison (= <> < <= > >=)"));
        };
        match self.operand("a property")? {
            Operand::Property(property) => build::compare(property, build::flipped(op), literal),
            Operand::Literal(_) => Err(build::unsupported("a comparison of two literals")),
        }
    }

    fn between(&mut self, property: String) -> Result<Filter, Problem> {
        let low = self.literal()?;
        if !self.take_word("AND") {
            return Err(self.expected("AND and the upper bound"));
        }
        let high = self.literal()?;
        build::between(property, low, high)
    }

    fn in_list(&mut self, property: String) -> Result<Filter, Problem> {
        self.expect_symbol("(")?;
        let mut literals = vec![self.literal()?];
        while self.take_symbol(",") {
            literals.push(self.literal()?);
        }
        if !self.take_symbol(")") {
            return Err(self.expected("',' or ')'"));
        }
        build::in_list(property, literals)
    }

    fn like(&mut self, property: String) -> Result<Filter, Problem> {
        self.budget.node()?;
        if let (Token::Word(word), Token::Symbol("(")) = (self.peek(), self.peek_second()) {
            return Err(build::unsupported(format_args!("the function {}", shown_name(word))));
        }
        let Token::Text(pattern) = self.peek() else {
            return Err(self.expected("a pattern in single quotes, as 'SWOT%'"));
        };
        let pattern = pattern.clone();
        self.advance();
        build::like(property, &pattern)
    }

    /// `S_INTERSECTS(geometry, POLYGON(…))`, in either order; the name is read already.
    fn s_intersects(&mut self) -> Result<Filter, Problem> {
        self.budget.node()?;
        self.expect_symbol("(")?;
        let name_first = self.spatial_name()?;
        if name_first {
            self.expect_symbol(",")?;
        }
        let geometry = self.geometry_literal()?;
        if !name_first {
            self.expect_symbol(",")?;
            if !self.spatial_name()? {
                return Err(self.expected("geometry"));
            }
        }
        self.expect_symbol(")")?;
        self.budget.intersects(geometry)
    }

    /// Reads the name of the geometry property, unless a geometry literal is next.
    fn spatial_name(&mut self) -> Result<bool, Problem> {
        let name = match self.peek() {
            Token::Quoted(name) => name,
            Token::Word(_) if *self.peek_second() == Token::Symbol("(") => return Ok(false),
            Token::Word(word) if !super::wkt::is_geometry_type(word) && !lex::is_keyword(word) => word,
            Token::Word(_) => return Ok(false),
            _ => return Err(self.expected("geometry or a geometry literal, as POLYGON((…))")),
        };
        build::check_geometry_name(&build::property(name)?)?;
        self.advance();
        Ok(true)
    }

    fn take_comparison(&mut self) -> Option<Comparison> {
        let op = comparison(self.peek())?;
        self.advance();
        Some(op)
    }

    fn operand(&mut self, what: &str) -> Result<Operand, Problem> {
        let name = match self.peek() {
            Token::Quoted(name) => name,
            Token::Word(word) if !lex::is_keyword(word) && *self.peek_second() != Token::Symbol("(") => word,
            Token::Word(word) if lex::is_keyword(word) && !is_truth(word) => return Err(self.expected(what)),
            Token::Symbol(")" | "," | "(") | Token::End => return Err(self.expected(what)),
            Token::Symbol(sign) if comparison(&Token::Symbol(sign)).is_some() => return Err(self.expected(what)),
            _ => return Ok(Operand::Literal(self.literal()?)),
        };
        let property = build::property(name)?;
        self.budget.node()?;
        self.budget.text(&property)?;
        self.advance();
        Ok(Operand::Property(property))
    }

    fn literal(&mut self) -> Result<Literal, Problem> {
        self.budget.node()?;
        let literal = match self.peek() {
            Token::Text(text) => Literal::One(Scalar::Text(text.clone())),
            Token::Number(_) | Token::Symbol("+" | "-") => {
                return Ok(Literal::One(Scalar::Number(self.signed_number()?)));
            }
            Token::Word(word) if *self.peek_second() == Token::Symbol("(") => {
                let word = word.clone();
                return self.moment(&word);
            }
            Token::Word(word) if is_truth(word) => Literal::One(Scalar::Bool(word.eq_ignore_ascii_case("TRUE"))),
            Token::Word(word) if word.eq_ignore_ascii_case("NULL") => {
                return Err(self.expected("a literal (null is asked for by IS NULL)"));
            }
            _ => return Err(self.expected("a literal: 'text', a number, TRUE, FALSE, TIMESTAMP('…') or DATE('…')")),
        };
        self.advance();
        Ok(literal)
    }

    /// `TIMESTAMP('…')` or `DATE('…')`; any other function is refused by name.
    fn moment(&mut self, function: &str) -> Result<Literal, Problem> {
        let read = match function.to_ascii_uppercase().as_str() {
            "TIMESTAMP" => build::timestamp,
            "DATE" => build::date,
            _ => return Err(build::unsupported(format_args!("the function {}", shown_name(function)))),
        };
        self.advance();
        self.expect_symbol("(")?;
        let Token::Text(text) = self.peek() else {
            return Err(self.expected("a time in single quotes"));
        };
        let literal = read(text)?;
        self.advance();
        self.expect_symbol(")")?;
        Ok(literal)
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

fn is_truth(word: &str) -> bool {
    word.eq_ignore_ascii_case("TRUE") || word.eq_ignore_ascii_case("FALSE")
}

fn shown_name(name: &str) -> String {
    lex::shown(&Token::Word(name.to_owned()))
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
