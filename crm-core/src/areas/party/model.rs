//! Customers and contacts as stored.

use crate::areas::access::{OrgUnit, Owned, User};
use crate::kernel::date::{Date, Instant};
use crate::kernel::decimal::Amount;
use crate::kernel::id::Id;
use crate::store::cell::Cell;
use crate::store::record::Tags;

crate::coded! {
    /// What a customer is.
    #[derive(Default)]
    pub enum CustomerKind {
        /// A company, an authority, an association.
        #[default]
        Organisation = 1, "organisation", "单位";
        /// A natural person.
        Person = 2, "person", "个人";
    }
}

crate::coded! {
    /// Where a customer stands in its life with us.
    #[derive(Default)]
    pub enum CustomerStage {
        /// Nothing sold yet.
        #[default]
        Prospect = 1, "prospect", "潜在客户";
        /// Buys.
        Active = 2, "active", "成交客户";
        /// Has not bought for long.
        Dormant = 3, "dormant", "沉睡客户";
        /// Will not buy again.
        Lost = 4, "lost", "流失客户";
    }
}

crate::coded! {
    /// How much a customer is worth to us.
    pub enum CustomerLevel {
        /// Key account.
        A = 1, "A", "A级";
        /// Important.
        B = 2, "B", "B级";
        /// Usual.
        C = 3, "C", "C级";
        /// Small.
        D = 4, "D", "D级";
    }
}

crate::coded! {
    /// What a contact decides.
    #[derive(Default)]
    pub enum DecisionRole {
        /// Not known or none of the others.
        #[default]
        Other = 1, "other", "其他";
        /// Decides.
        DecisionMaker = 2, "decision_maker", "决策人";
        /// Will use what is bought.
        User = 3, "user", "使用人";
        /// Has the ear of those who decide.
        Influencer = 4, "influencer", "影响人";
        /// Pays and takes invoices.
        Finance = 5, "finance", "财务";
    }
}

crate::record! {
    /// An organisation or person we sell to or buy from.
    pub struct Customer, CustomerColumns in "customer" key (id) {
        /// Id.
        id: Id<Customer>,
        /// Full legal name.
        name: String,
        /// Organisation or person.
        kind: CustomerKind,
        /// Where it stands in its life with us.
        stage: CustomerStage,
        /// How much it is worth to us.
        level: Option<CustomerLevel>,
        /// Line of business.
        industry: Option<String>,
        /// Region or city.
        region: Option<String>,
        /// Unified social credit code (GB 32100), 18 characters.
        credit_code: Option<String>,
        /// Telephone.
        phone: Option<String>,
        /// Address.
        address: Option<String>,
        /// Labels.
        tags: Tags,
        /// The user responsible; none in the pool.
        owner: Option<Id<User>>,
        /// The owner's org unit.
        unit: Option<Id<OrgUnit>>,
        /// Remarks.
        note: Option<String>,
        /// How much the customer may owe at once, in the ledger's currency; no limit when empty.
        credit_limit: Option<Amount> = since 2 or Cell::Null,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    index customer_name (name);
    unique customer_credit_code (credit_code) where credit_code;
    index customer_owner (owner);
    index customer_unit (unit);
    index customer_limited (id) where credit_limit since 2;
}

crate::record! {
    /// A person at a customer.
    pub struct Contact, ContactColumns in "contact" key (id) {
        /// Id.
        id: Id<Contact>,
        /// The customer.
        customer: Id<Customer>,
        /// Name.
        name: String,
        /// Job title.
        title: Option<String>,
        /// What the person decides.
        role: DecisionRole,
        /// Mobile telephone.
        mobile: Option<String>,
        /// Mail address.
        email: Option<String>,
        /// WeChat account.
        wechat: Option<String>,
        /// Birthday.
        birthday: Option<Date>,
        /// Whether this is the first person to call.
        primary: bool,
        /// Remarks.
        note: Option<String>,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    index contact_customer (customer);
    index contact_mobile (mobile) where mobile;
}

crate::entity!(Customer, Contact);

impl Owned for Customer {
    fn owner(&self) -> Option<Id<User>> {
        self.owner
    }
    fn unit(&self) -> Option<Id<OrgUnit>> {
        self.unit
    }
}
