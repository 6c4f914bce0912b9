//! Where a contract's payment terms come from.
//!
//! What the contract itself says wins, even when it says that there are none. A new contract that says nothing takes the
//! default of its customer in its ledger and direction. A ledger is one company, so a default of another company's ledger
//! is never seen, whoever writes the contract.

use crate::kernel::error::{self, Error, Result};

/// What a contract says of its payment terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stated<S> {
    /// How many terms it lists; none when it says nothing of them.
    pub terms: Option<usize>,
    /// The term set that it names.
    pub set: Option<S>,
    /// Whether it is paid by periods, or has nothing to pay: then it needs no terms.
    pub needs_none: bool,
}

/// Where the terms come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermSource<S> {
    /// The contract's own list, which may be empty.
    Own,
    /// The set that the contract names.
    Named(S),
    /// The default set of its customer.
    Default(S),
}

/// Where the terms of a contract come from; `default` is the customer's.
///
/// # Errors
/// `NOT_APPLICABLE` at `terms` when terms stand beside a set.
pub fn term_source<S>(stated: Stated<S>, default: Option<S>) -> Result<TermSource<S>> {
    match (stated.terms, stated.set) {
        (Some(terms), Some(_)) if terms > 0 => {
            let (reason, zh) = ("the terms are those of the set", "付款条款取自条款模板");
            Err(Error::new(&error::NOT_APPLICABLE).at("terms").with_both("reason", reason, zh))
        }
        (_, Some(set)) => Ok(TermSource::Named(set)),
        (Some(_), None) => Ok(TermSource::Own),
        (None, None) => {
            let default = default.filter(|_| !stated.needs_none);
            Ok(default.map_or(TermSource::Own, TermSource::Default))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_wins() {
        let own = Ok(TermSource::Own);
        for (terms, set, needs_none, default, expected) in [
            (None, None, false, None, own.clone()),
            (None, None, false, Some(7), Ok(TermSource::Default(7))),
            (None, None, true, Some(7), own.clone()),
            (Some(0), None, false, Some(7), own.clone()),
            (Some(2), None, false, Some(7), own),
            (None, Some(3), false, Some(7), Ok(TermSource::Named(3))),
            (Some(0), Some(3), false, None, Ok(TermSource::Named(3))),
            (None, Some(3), true, None, Ok(TermSource::Named(3))),
        ] {
            let stated = Stated { terms, set, needs_none };
            assert_eq!(term_source(stated, default), expected, "{stated:?} {default:?}");
        }
        let both = Stated { terms: Some(1), set: Some(3), needs_none: false };
        assert_eq!(
            term_source(both, None).map_err(|refused| refused.code().name()),
            Err("not_applicable".to_owned())
        );
    }
}
