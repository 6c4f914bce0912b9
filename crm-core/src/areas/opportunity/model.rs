//! Pipelines and opportunities as stored.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::areas::access::{OrgUnit, Owned, User};
use crate::areas::party::{Contact, Customer};
use crate::areas::product::Product;
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::{Amount, Rate};
use crate::kernel::id::Id;
use crate::store::record::Json;

crate::coded! {
    /// What a stage means.
    #[derive(Default)]
    pub enum StageKind {
        /// On the way.
        #[default]
        Open = 1, "open", "进行中";
        /// The end: sold.
        Won = 2, "won", "赢单";
        /// The end: not sold.
        Lost = 3, "lost", "输单";
    }
}

crate::coded! {
    /// How an opportunity stands.
    pub enum OpportunityStatus {
        /// On the way.
        Open = 1, "open", "进行中";
        /// Sold.
        Won = 2, "won", "赢单";
        /// Not sold.
        Lost = 3, "lost", "输单";
    }
}

/// A stage of a pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Stage {
    /// Position, from 1.
    pub seq: u32,
    /// Name, unique in the pipeline.
    pub name: String,
    /// Probability of winning as a fraction: 0.3 is 30 %; 1 when won and 0 when lost.
    pub probability: Rate,
    /// On the way, won or lost.
    pub kind: StageKind,
}

crate::record! {
    /// An ordered set of stages.
    pub struct Pipeline, PipelineColumns in "pipeline" key (id) {
        /// Id.
        id: Id<Pipeline>,
        /// Name, unique.
        name: String,
        /// The stages in order: open ones, then won, then lost.
        stages: Json<Vec<Stage>>,
        /// Whether new opportunities go here unless told otherwise; one pipeline is.
        default: bool,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique pipeline_name (name);
}

crate::record! {
    /// A possible sale.
    pub struct Opportunity, OpportunityColumns in "opportunity" key (id) {
        /// Id.
        id: Id<Opportunity>,
        /// Number, unique: O-2026-000001, by the year in which it began.
        number: String,
        /// What it is about.
        name: String,
        /// The customer, once known.
        customer: Option<Id<Customer>>,
        /// The person at the customer.
        contact: Option<Id<Contact>>,
        /// The product in question.
        product: Option<Id<Product>>,
        /// Where it came from: exhibition, referral, call.
        source: Option<String>,
        /// The pipeline.
        pipeline: Id<Pipeline>,
        /// The stage, by its position in the pipeline.
        stage: u32,
        /// The stage's name.
        stage_name: String,
        /// The furthest open stage so far.
        reached_stage: u32,
        /// Open, won or lost.
        status: OpportunityStatus,
        /// The stage's probability of winning as a fraction.
        probability: Rate,
        /// The amount it may bring, tax included.
        expected_amount: Amount,
        /// Currency of both amounts.
        currency: Currency,
        /// When it is expected to be won.
        expected_close: Option<Date>,
        /// The same date while it is open; empty afterwards.
        open_expected_close: Option<Date>,
        /// When it began.
        opened_on: Date,
        /// When it was won or lost.
        closed_on: Option<Date>,
        /// The amount it was won with, tax included.
        closed_amount: Option<Amount>,
        /// Why it was won or lost.
        reason: Option<String>,
        /// Since when it is in its stage.
        stage_since: Date,
        /// The user responsible.
        owner: Option<Id<User>>,
        /// The owner's org unit.
        unit: Option<Id<OrgUnit>>,
        /// Remarks.
        note: Option<String>,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique opportunity_number (number);
    index opportunity_owner (owner);
    index opportunity_unit (unit);
    index opportunity_customer (customer) where customer;
    index opportunity_stage (status, pipeline, stage);
    index opportunity_since (status, stage_since);
    index opportunity_due (open_expected_close) where open_expected_close;
    index opportunity_closed (closed_on) where closed_on;
}

crate::record! {
    /// A step of an opportunity from one stage into another.
    pub struct StageChange, StageChangeColumns in "opportunity_stage_change" key (opportunity, seq) {
        /// The opportunity.
        opportunity: Id<Opportunity>,
        /// Position, from 1.
        seq: u32,
        /// The stage before; none at the beginning.
        from_stage: Option<u32>,
        /// The stage it went into.
        to_stage: u32,
        /// That stage's name.
        to_name: String,
        /// The day from which it counts as there.
        entered_on: Date,
        /// When it was recorded.
        at: Instant,
        /// Who.
        user: Id<User>,
        /// Why.
        reason: Option<String>,
    }
}

crate::entity!(Pipeline, Opportunity);

impl Owned for Opportunity {
    fn owner(&self) -> Option<Id<User>> {
        self.owner
    }
    fn unit(&self) -> Option<Id<OrgUnit>> {
        self.unit
    }
}

impl Pipeline {
    /// The stage at this position.
    pub fn stage(&self, seq: u32) -> Option<&Stage> {
        self.stages.0.iter().find(|stage| stage.seq == seq)
    }

    /// The first stage of this kind; every pipeline has one of each.
    pub fn first_of(&self, kind: StageKind) -> Option<&Stage> {
        self.stages.0.iter().find(|stage| stage.kind == kind)
    }
}
