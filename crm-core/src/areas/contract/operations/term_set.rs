//! Term sets: payment terms under a name, in revisions.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::{Cx, ListRequest, NOT_FOUND, Page, STALE_VERSION};
use crate::areas::contract::TERM_SETS;
use crate::areas::contract::model::{PaymentTerm, TermSet, TermSetRevision};
use crate::areas::contract::rules::{
    BALANCE_NOT_LAST, TERM_SET_NAME_TAKEN, TERMS_DO_NOT_SUM, schedule, shares,
};
use crate::areas::party::rules::{name, optional};
use crate::catalog::{Access, Example, Given, Level, Operation};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::kernel::money::Money;
use crate::store::engine::Mode;
use crate::store::record::{Json, Record};

/// A step of examples: a term set.
pub(super) const GIVEN_TERM_SET: Given = Given {
    save: "set",
    call: "term_set.save",
    input: r#"{"name": "3-6-1", "terms": [
        {"label": "预付款", "share": {"rate": "0.3"}, "anchor": "signed", "offset": {"days": 7}},
        {"label": "到货款", "share": {"rate": "0.6"}, "anchor": "delivered", "offset": {"days": 30}, "align": "month_end"},
        {"label": "质保金", "share": "balance", "anchor": "accepted", "offset": {"months": 12}, "retention": true}]}"#,
};

/// The amount that terms are tried on, in minor units: any contract's shares must come to its whole.
const TRIAL_MINOR: i64 = 100_000_000_000;

/// Saves payment terms under a name: a new set, or a new revision of one. Contracts keep the revision they took.
///
/// The terms are tried on a large amount, and must make up the whole of it; terms that name contract lines are refused.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SaveTermSet {
    /// The set to revise; a new one when left out.
    #[serde(default)]
    pub id: Option<Id<TermSet>>,
    /// The version you have read, with `id`.
    #[serde(default)]
    pub version: Option<u32>,
    /// Name, unique, up to 100 characters.
    pub name: String,
    /// Whether new contracts may take it.
    #[serde(default = "yes")]
    pub active: bool,
    /// The payment terms. The same terms as before make no new revision.
    pub terms: Vec<PaymentTerm>,
    /// Remarks on this revision.
    #[serde(default)]
    pub note: Option<String>,
}

fn yes() -> bool {
    true
}

/// A term set with the terms of one revision.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TermSetDetails {
    /// The set.
    pub set: TermSet,
    /// The revision asked for.
    pub revision: TermSetRevision,
}

impl Operation for SaveTermSet {
    type Output = TermSet;
    const NAME: &'static str = "term_set.save";
    const ZH: &'static str = "保存付款条款模板";
    const ACCESS: Access = Access::Level("contract", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
        &error::EMPTY,
        &error::TOO_LONG,
        &error::EMPTY_LIST,
        &error::OUT_OF_RANGE,
        &error::TOO_MANY_DECIMALS,
        &error::OVERFLOW,
        &error::NOT_APPLICABLE,
        &TERMS_DO_NOT_SUM,
        &BALANCE_NOT_LAST,
        &TERM_SET_NAME_TAKEN,
    ];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_TERM_SET.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<TermSet> {
        let given = name("name", &self.name, 100)?;
        check(cx, &self.terms)?;
        let holder = cx.query::<TermSet>().equal(TermSet::C.name, given.clone()).first(cx.tx())?;
        if holder.is_some_and(|holder| Some(holder.id) != self.id) {
            return Err(Error::new(&TERM_SET_NAME_TAKEN).at("name").with("value", given));
        }
        let note = optional(self.note);
        let Some(id) = self.id else {
            let set = TermSet {
                id: cx.new_id(),
                name: given,
                revision: 1,
                active: self.active,
                note: note.clone(),
                created_at: cx.now(),
                version: 1,
            };
            cx.subject(set.id);
            cx.insert(&set)?;
            revise(cx, &set, self.terms, note)?;
            return Ok(set);
        };
        let before = cx.get_at(id, self.version.unwrap_or_default())?;
        cx.subject(before.id);
        let mut after = TermSet { name: given, active: self.active, note: note.clone(), ..before.clone() };
        if revision(cx, id, before.revision)?.terms.0 != self.terms {
            after.revision += 1;
            revise(cx, &after, self.terms, note)?;
        }
        cx.update(&before, after)
    }
}

fn check(cx: &Cx<'_>, terms: &[PaymentTerm]) -> Result<()> {
    if terms.is_empty() {
        return Err(Error::new(&error::EMPTY_LIST).at("terms"));
    }
    if terms.len() > schedule::TERMS_MAX {
        return Err(Error::new(&error::OUT_OF_RANGE)
            .at("terms")
            .with("value", terms.len())
            .with("min", 1)
            .with("max", schedule::TERMS_MAX));
    }
    if let Some(at) = terms.iter().position(|term| !term.lines.is_empty()) {
        let (reason, zh) = ("a term set knows no contract lines", "条款模板不涉及合同明细");
        return Err(Error::new(&error::NOT_APPLICABLE)
            .at(format!("terms[{at}].lines"))
            .with_both("reason", reason, zh));
    }
    let within = |error: Error| error.within("terms");
    schedule::check_terms(terms).map_err(within)?;
    let trial = Money::from_minor(TRIAL_MINOR, cx.ledger().info().currency)?;
    shares::term_amounts(trial, &[], terms).map_err(within)?;
    Ok(())
}

fn revise(cx: &mut Cx<'_>, set: &TermSet, terms: Vec<PaymentTerm>, note: Option<String>) -> Result<()> {
    let created_at = cx.now();
    let revision =
        TermSetRevision { term_set: set.id, revision: set.revision, terms: Json(terms), note, created_at };
    cx.insert(&revision)
}

/// What a set said in a revision.
pub(super) fn revision(cx: &mut Cx<'_>, id: Id<TermSet>, revision: u32) -> Result<TermSetRevision> {
    let c = TermSetRevision::C;
    let found = cx.query::<TermSetRevision>().equal(c.term_set, id).equal(c.revision, revision);
    found.first(cx.tx())?.ok_or_else(|| Error::new(&NOT_FOUND).at("revision").with("id", id))
}

/// A term set with its terms: those of its last revision, or of an earlier one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetTermSet {
    /// The set.
    pub id: Id<TermSet>,
    /// The revision; the last one when left out.
    #[serde(default)]
    pub revision: Option<u32>,
}

impl Operation for GetTermSet {
    type Output = TermSetDetails;
    const NAME: &'static str = "term_set.get";
    const ZH: &'static str = "查看付款条款模板";
    const ACCESS: Access = Access::Level("contract", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[GIVEN_TERM_SET], input: r#"{"id": "${set.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<TermSetDetails> {
        let set = cx.get(self.id)?;
        let revision = revision(cx, set.id, self.revision.unwrap_or(set.revision))?;
        Ok(TermSetDetails { set, revision })
    }
}

/// Lists term sets.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListTermSets(pub ListRequest);

impl Operation for ListTermSets {
    type Output = Page<TermSet>;
    const NAME: &'static str = "term_set.list";
    const ZH: &'static str = "付款条款模板列表";
    const ACCESS: Access = Access::Level("contract", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_TERM_SET], input: r#"{"filter": {"equal": ["active", true]}}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<TermSet>> {
        cx.list(&TERM_SETS, &self.0)
    }
}
