//! Money follows what is owed: where a contract comes to less than was settled of it, the surplus becomes an advance again.
//!
//! What was settled stands in the books of another area, which the catalogue knows.

use crate::app::Cx;
use crate::areas::contract::model::{Contract, Installment};
use crate::areas::contract::rules::SETTLED_EXCEEDS;
use crate::areas::contract::rules::schedule;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{Error, Result};
use crate::kernel::id::Id;

/// What was settled of an installment beyond what is owed of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Surplus {
    /// The contract.
    pub contract: Id<Contract>,
    /// The installment, by its position.
    pub installment: u32,
    /// How much, above zero and at most what is settled.
    pub amount: Amount,
    /// From when it counts, or from when it was settled.
    pub date: Date,
}

/// Makes it an advance again, and returns the contract after that.
///
/// # Errors
/// `SETTLED_EXCEEDS` when nobody keeps the money; those of who does.
pub(super) fn give_back(
    cx: &mut Cx<'_>,
    contract: &Contract,
    parts: &[(u32, Amount)],
    date: Date,
) -> Result<Contract> {
    let Some((seq, over)) = parts.first().copied() else { return Ok(contract.clone()) };
    let Some(give_back) = cx.catalog().give_back() else {
        return Err(Error::new(&SETTLED_EXCEEDS)
            .with("installment", seq)
            .with("amount", Amount::ZERO)
            .with("settled", over));
    };
    for (installment, amount) in parts {
        let part = Surplus { contract: contract.id, installment: *installment, amount: *amount, date };
        give_back(cx, &part)?;
    }
    cx.get(contract.id)
}

/// What of an installment is no longer outstanding.
pub(super) fn used(installment: &Installment) -> Result<Amount> {
    installment.amount.checked_sub(schedule::outstanding(installment)?)
}

/// What was settled of an installment beyond `most`.
pub(super) fn beyond(installment: &Installment, most: Amount) -> Result<Option<(u32, Amount)>> {
    let over = used(installment)?.checked_sub(most)?.min(installment.settled);
    Ok(over.is_positive().then_some((installment.seq, over)))
}
