//! Operations on customers and contacts.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::{Contact, Customer, CustomerKind, CustomerLevel, CustomerStage, DecisionRole};
use super::rules::{self, CREDIT_CODE_TAKEN, CREDIT_CODE_WRONG, optional};
use crate::app::{Cx, ListRequest, NOT_FOUND, Page, STALE_VERSION};
use crate::areas::access::User;
use crate::catalog::{Access, Entry, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::date::Date;
use crate::kernel::decimal::Amount;
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::{Record, Tags};

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    CreateCustomer,
    UpdateCustomer,
    GetCustomer,
    ListCustomers,
    AssignCustomer,
    CreateContact,
    UpdateContact,
    GetContact,
    ListContacts,
];

/// A step of examples: a customer.
pub const GIVEN_CUSTOMER: Given = Given {
    save: "customer",
    call: "customer.create",
    input: r#"{"name": "杭州云栖仪器有限公司", "level": "B", "industry": "仪器仪表", "tags": ["展会"]}"#,
};
const GIVEN_CONTACT: Given = Given {
    save: "contact",
    call: "contact.create",
    input: r#"{"customer": "${customer.id}", "name": "李敏", "role": "decision_maker", "mobile": "13800000001"}"#,
};

/// What is known of a customer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CustomerData {
    /// Full legal name, up to 200 characters.
    pub name: String,
    /// Organisation or person.
    #[serde(default)]
    pub kind: CustomerKind,
    /// Where it stands in its life with us.
    #[serde(default)]
    pub stage: CustomerStage,
    /// How much it is worth to us.
    #[serde(default)]
    pub level: Option<CustomerLevel>,
    /// Line of business.
    #[serde(default)]
    pub industry: Option<String>,
    /// Region or city.
    #[serde(default)]
    pub region: Option<String>,
    /// Unified social credit code; its check character is verified.
    #[serde(default)]
    pub credit_code: Option<String>,
    /// Telephone.
    #[serde(default)]
    pub phone: Option<String>,
    /// Address.
    #[serde(default)]
    pub address: Option<String>,
    /// Labels.
    #[serde(default)]
    pub tags: Tags,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
    /// How much the customer may owe at once, in the ledger's currency, zero or more; no limit when left out.
    #[serde(default)]
    pub credit_limit: Option<Amount>,
}

impl From<Customer> for CustomerData {
    fn from(customer: Customer) -> Self {
        CustomerData {
            name: customer.name,
            kind: customer.kind,
            stage: customer.stage,
            level: customer.level,
            industry: customer.industry,
            region: customer.region,
            credit_code: customer.credit_code,
            phone: customer.phone,
            address: customer.address,
            tags: customer.tags,
            note: customer.note,
            credit_limit: customer.credit_limit,
        }
    }
}

impl CustomerData {
    /// Puts the data into a record of a ledger with this currency.
    pub(crate) fn apply(self, customer: &mut Customer, home: Currency) -> Result<()> {
        customer.name = rules::name("name", &self.name, 200)?;
        customer.kind = self.kind;
        customer.stage = self.stage;
        customer.level = self.level;
        customer.industry = optional(self.industry);
        customer.region = optional(self.region);
        customer.credit_code = optional(self.credit_code)
            .map(|code| rules::check_credit_code(&code).map_err(|error| error.at("credit_code")))
            .transpose()?;
        customer.phone = optional(self.phone);
        customer.address = optional(self.address);
        customer.tags = self.tags;
        customer.note = optional(self.note);
        customer.credit_limit = self
            .credit_limit
            .map(|limit| rules::check_credit_limit(limit, home).map_err(|error| error.at("credit_limit")))
            .transpose()?;
        Ok(())
    }
}

/// A customer from its data, owned by `owner`, not yet stored.
pub(crate) fn new_customer(cx: &Cx<'_>, data: CustomerData, owner: Option<&User>) -> Result<Customer> {
    let mut customer = Customer {
        id: cx.new_id(),
        name: String::new(),
        kind: CustomerKind::default(),
        stage: CustomerStage::default(),
        level: None,
        industry: None,
        region: None,
        credit_code: None,
        phone: None,
        address: None,
        tags: Tags::default(),
        owner: owner.map(|user| user.id),
        unit: owner.and_then(|user| user.unit),
        note: None,
        credit_limit: None,
        created_at: cx.now(),
        version: 1,
    };
    data.apply(&mut customer, cx.ledger().info().currency)?;
    Ok(customer)
}

/// Fails when another customer has this credit code.
pub(crate) fn check_credit_code_free(cx: &mut Cx<'_>, customer: &Customer) -> Result<()> {
    let Some(code) = &customer.credit_code else { return Ok(()) };
    let c = Customer::C;
    let other = cx.query::<Customer>().equal(c.credit_code, Some(code.clone())).first(cx.tx())?;
    match other {
        Some(other) if other.id != customer.id => {
            Err(Error::new(&CREDIT_CODE_TAKEN).at("credit_code").with("value", code))
        }
        _ => Ok(()),
    }
}

/// Creates a customer owned by the caller.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CreateCustomer(pub CustomerData);

impl Operation for CreateCustomer {
    type Output = Customer;
    const NAME: &'static str = "customer.create";
    const ZH: &'static str = "新建客户";
    const ACCESS: Access = Access::Level("party", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&error::EMPTY, &error::TOO_LONG, &CREDIT_CODE_WRONG, &CREDIT_CODE_TAKEN];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_CUSTOMER.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Customer> {
        let owner = cx.actor().user.clone();
        let customer = new_customer(cx, self.0, Some(&owner))?;
        check_credit_code_free(cx, &customer)?;
        cx.subject(customer.id);
        cx.insert(&customer)?;
        Ok(customer)
    }
}

/// Replaces what is known of a customer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateCustomer {
    /// The customer.
    pub id: Id<Customer>,
    /// The version you have read.
    pub version: u32,
    /// What is known now; what is left out is emptied.
    pub data: CustomerData,
}

impl Operation for UpdateCustomer {
    type Output = Customer;
    const NAME: &'static str = "customer.update";
    const ZH: &'static str = "修改客户";
    const ACCESS: Access = Access::Level("party", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &error::EMPTY,
        &error::TOO_LONG,
        &CREDIT_CODE_WRONG,
        &CREDIT_CODE_TAKEN,
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER],
        input: r#"{"id": "${customer.id}", "version": 1, "data": {"name": "杭州云栖仪器股份有限公司", "level": "A"}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Customer> {
        let before = cx.get_owned_at(self.id, self.version, Level::Edit)?;
        cx.subject(before.id);
        let mut after = before.clone();
        let home = cx.ledger().info().currency;
        self.data.apply(&mut after, home).map_err(|error| error.within("data"))?;
        check_credit_code_free(cx, &after).map_err(|error| error.within("data"))?;
        cx.update(&before, after)
    }
}

/// Reads a customer in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetCustomer {
    /// The customer.
    pub id: Id<Customer>,
}

impl Operation for GetCustomer {
    type Output = Customer;
    const NAME: &'static str = "customer.get";
    const ZH: &'static str = "查看客户";
    const ACCESS: Access = Access::Level("party", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[GIVEN_CUSTOMER], input: r#"{"id": "${customer.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Customer> {
        cx.get_owned(self.id, Level::Read)
    }
}

/// Lists customers in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListCustomers(pub ListRequest);

impl Operation for ListCustomers {
    type Output = Page<Customer>;
    const NAME: &'static str = "customer.list";
    const ZH: &'static str = "客户列表";
    const ACCESS: Access = Access::Level("party", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER],
        input: r#"{"filter": {"and": [{"equal": ["level", "B"]}, {"has": ["tags", "展会"]}]}, "sort": [{"field": "name"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Customer>> {
        cx.list(&super::CUSTOMERS, &self.0)
    }
}

/// Gives a customer to another user, or to the pool.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignCustomer {
    /// The customer.
    pub id: Id<Customer>,
    /// The version you have read.
    pub version: u32,
    /// The new owner; left out, the customer goes to the pool.
    #[serde(default)]
    pub owner: Option<Id<User>>,
}

impl Operation for AssignCustomer {
    type Output = Customer;
    const NAME: &'static str = "customer.assign";
    const ZH: &'static str = "分配客户";
    const ACCESS: Access = Access::Permission("customer.assign");
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER],
        input: r#"{"id": "${customer.id}", "version": 1, "owner": "${admin}"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Customer> {
        let before = cx.get_owned_at(self.id, self.version, Level::Edit)?;
        cx.subject(before.id);
        let owner = self.owner.map(|owner| cx.get(owner)).transpose().map_err(|error| error.at("owner"))?;
        let mut after = before.clone();
        after.owner = owner.as_ref().map(|user| user.id);
        after.unit = owner.and_then(|user| user.unit);
        cx.update(&before, after)
    }
}

/// What is known of a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ContactData {
    /// The customer.
    pub customer: Id<Customer>,
    /// Name, up to 100 characters.
    pub name: String,
    /// Job title.
    #[serde(default)]
    pub title: Option<String>,
    /// What the person decides.
    #[serde(default)]
    pub role: DecisionRole,
    /// Mobile telephone.
    #[serde(default)]
    pub mobile: Option<String>,
    /// Mail address.
    #[serde(default)]
    pub email: Option<String>,
    /// WeChat account.
    #[serde(default)]
    pub wechat: Option<String>,
    /// Birthday.
    #[serde(default)]
    pub birthday: Option<Date>,
    /// Whether this is the first person to call.
    #[serde(default)]
    pub primary: bool,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

impl From<Contact> for ContactData {
    fn from(contact: Contact) -> Self {
        ContactData {
            customer: contact.customer,
            name: contact.name,
            title: contact.title,
            role: contact.role,
            mobile: contact.mobile,
            email: contact.email,
            wechat: contact.wechat,
            birthday: contact.birthday,
            primary: contact.primary,
            note: contact.note,
        }
    }
}

impl ContactData {
    /// Nothing known but the customer.
    pub(crate) fn of(customer: Id<Customer>) -> Self {
        ContactData {
            customer,
            name: String::new(),
            title: None,
            role: DecisionRole::default(),
            mobile: None,
            email: None,
            wechat: None,
            birthday: None,
            primary: false,
            note: None,
        }
    }
}

/// A contact from its data, not yet stored.
pub(crate) fn new_contact(cx: &Cx<'_>, data: ContactData) -> Result<Contact> {
    let mut contact = Contact {
        id: cx.new_id(),
        customer: data.customer,
        name: String::new(),
        title: None,
        role: DecisionRole::default(),
        mobile: None,
        email: None,
        wechat: None,
        birthday: None,
        primary: false,
        note: None,
        created_at: cx.now(),
        version: 1,
    };
    data.apply(&mut contact)?;
    Ok(contact)
}

impl ContactData {
    /// Puts the data into a record.
    pub(crate) fn apply(self, contact: &mut Contact) -> Result<()> {
        contact.name = rules::name("name", &self.name, 100)?;
        contact.customer = self.customer;
        contact.title = optional(self.title);
        contact.role = self.role;
        contact.mobile = optional(self.mobile);
        contact.email = optional(self.email);
        contact.wechat = optional(self.wechat);
        contact.birthday = self.birthday;
        contact.primary = self.primary;
        contact.note = optional(self.note);
        Ok(())
    }
}

/// Creates a contact at a customer.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CreateContact(pub ContactData);

impl Operation for CreateContact {
    type Output = Contact;
    const NAME: &'static str = "contact.create";
    const ZH: &'static str = "新建联系人";
    const ACCESS: Access = Access::Level("party", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::EMPTY, &error::TOO_LONG, &NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[GIVEN_CUSTOMER], input: GIVEN_CONTACT.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contact> {
        let customer = cx.get_owned(self.0.customer, Level::Edit).map_err(|error| error.at("customer"))?;
        let contact = new_contact(cx, self.0)?;
        cx.subject(customer.id);
        cx.insert(&contact)?;
        Ok(contact)
    }
}

/// Replaces what is known of a contact.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateContact {
    /// The contact.
    pub id: Id<Contact>,
    /// The version you have read.
    pub version: u32,
    /// What is known now; what is left out is emptied.
    pub data: ContactData,
}

impl Operation for UpdateContact {
    type Output = Contact;
    const NAME: &'static str = "contact.update";
    const ZH: &'static str = "修改联系人";
    const ACCESS: Access = Access::Level("party", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&error::EMPTY, &error::TOO_LONG, &NOT_FOUND, &STALE_VERSION, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_CONTACT],
        input: r#"{"id": "${contact.id}", "version": 1, "data": {"customer": "${customer.id}", "name": "李敏", "title": "总经理"}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contact> {
        let before = cx.get_at(self.id, self.version)?;
        cx.get_owned(before.customer, Level::Edit)?;
        cx.get_owned(self.data.customer, Level::Edit).map_err(|error| error.at("data.customer"))?;
        cx.subject(before.customer);
        let mut after = before.clone();
        self.data.apply(&mut after).map_err(|error| error.within("data"))?;
        cx.update(&before, after)
    }
}

/// Reads a contact of a customer in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetContact {
    /// The contact.
    pub id: Id<Contact>,
}

impl Operation for GetContact {
    type Output = Contact;
    const NAME: &'static str = "contact.get";
    const ZH: &'static str = "查看联系人";
    const ACCESS: Access = Access::Level("party", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example =
        Example { given: &[GIVEN_CUSTOMER, GIVEN_CONTACT], input: r#"{"id": "${contact.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Contact> {
        let contact = cx.get(self.id)?;
        cx.get_owned(contact.customer, Level::Read)?;
        Ok(contact)
    }
}

/// Lists contacts of customers in scope.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListContacts(pub ListRequest);

impl Operation for ListContacts {
    type Output = Page<Contact>;
    const NAME: &'static str = "contact.list";
    const ZH: &'static str = "联系人列表";
    const ACCESS: Access = Access::Level("party", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_CUSTOMER, GIVEN_CONTACT],
        input: r#"{"filter": {"equal": ["customer", "${customer.id}"]}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Contact>> {
        cx.list(&super::CONTACTS, &self.0)
    }
}
