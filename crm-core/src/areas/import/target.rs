//! The kinds of records that can be imported.

use std::collections::{BTreeSet, HashMap};

use chrono::Datelike;

use super::engine::{Batch, Importable, Values, by_id, references};
use super::model::FieldInfo;
use super::rules::{NAME_AMBIGUOUS, NAME_UNKNOWN, coded, labels, yes_or_no};
use crate::app::Cx;
use crate::areas::access::{OrgUnit, User};
use crate::areas::opportunity::rules::check_past;
use crate::areas::opportunity::{
    Opportunity, OpportunityData, OpportunityStatus, Pipeline, Stage, StageChange, StageKind, closed,
    default_pipeline, enter, new_opportunity, note_change, numbers, settle, stage_change,
};
use crate::areas::party::rules::{CREDIT_CODE_TAKEN, optional};
use crate::areas::party::{Contact, ContactData, Customer, CustomerData, new_contact, new_customer};
use crate::areas::product::rules::PRODUCT_CODE_TAKEN;
use crate::areas::product::{Product, ProductData, new_product, next_code};
use crate::catalog::Level;
use crate::kernel::currency::Currency;
use crate::kernel::date::{Date, parse_date};
use crate::kernel::decimal::{Amount, Price, Rate};
use crate::kernel::error::{self, Error, Result};
use crate::kernel::id::Id;
use crate::store::record::{Col, Entity, Record};

const fn field(name: &'static str, zh: &'static str) -> FieldInfo {
    FieldInfo { name, zh, required: false, date: false }
}
const fn needed(name: &'static str, zh: &'static str) -> FieldInfo {
    FieldInfo { name, zh, required: true, date: false }
}
const fn dated(name: &'static str, zh: &'static str) -> FieldInfo {
    FieldInfo { name, zh, required: false, date: true }
}

/// Owner and org unit.
type Ownership = (Option<Id<User>>, Option<Id<OrgUnit>>);

/// A text column and what reads it.
type TextColumn<E> = (Col<String>, fn(&E) -> &str);

/// The value read, with the field in its error.
fn parsed<T>(field: &str, value: Option<String>, parse: impl Fn(&str) -> Result<T>) -> Result<Option<T>> {
    value.map(|text| parse(&text).map_err(|error| error.at(field))).transpose()
}

/// What is wrong when a field is declared but not read.
fn undeclared(field: &str) -> Error {
    Error::new(&error::INTERNAL).with("what", format!("the imported field {field} is not read"))
}

/// Records by the texts that name them.
struct Lookup<E> {
    kind: &'static str,
    found: HashMap<String, Vec<E>>,
}

impl<E: Entity> Lookup<E> {
    fn new(kind: &'static str) -> Self {
        Lookup { kind, found: HashMap::new() }
    }

    /// Looks up the texts not met before: by id, then by the given column, both as they stand.
    fn load(&mut self, cx: &mut Cx<'_>, texts: &BTreeSet<&str>, columns: &[TextColumn<E>]) -> Result<()> {
        let mut ids = Vec::new();
        for text in self.missing(texts) {
            if let Ok(id) = serde_json::from_value::<Id<E>>(text.into())
                && cx.ids().key(id.uuid()).is_ok()
            {
                ids.push(id);
            }
        }
        if !ids.is_empty() {
            for record in by_id(cx, ids)? {
                self.put(&record.id().to_string(), record);
            }
        }
        for (column, text_of) in columns {
            let missing = self.missing(texts);
            if missing.is_empty() {
                return Ok(());
            }
            for record in cx.query::<E>().any_of(*column, missing).fetch(cx.tx())? {
                let text = text_of(&record).to_owned();
                self.put(&text, record);
            }
        }
        Ok(())
    }

    /// Those of `texts` that nothing is known of.
    fn missing(&self, texts: &BTreeSet<&str>) -> Vec<String> {
        texts.iter().filter(|text| !self.found.contains_key(**text)).map(|text| (*text).to_owned()).collect()
    }

    fn put(&mut self, text: &str, record: E) {
        self.found.entry(text.to_owned()).or_default().push(record);
    }

    /// The one record that a text names.
    fn get(&self, text: &str) -> Result<&E> {
        let refused = |code| Error::new(code).with("value", text).with("kind", self.kind);
        match self.found.get(text).map(Vec::as_slice) {
            Some([record]) => Ok(record),
            None | Some([]) => Err(refused(&NAME_UNKNOWN)),
            Some(_) => Err(refused(&NAME_AMBIGUOUS)),
        }
    }
}

/// Customers that rows name: by key in the file's system, by id, by name. Those out of the caller's reach are unknown.
struct CustomerLookup {
    system: String,
    lookup: Lookup<Customer>,
}

impl CustomerLookup {
    fn new(system: &str) -> Self {
        CustomerLookup { system: system.to_owned(), lookup: Lookup::new(Customer::table().name) }
    }

    fn load(&mut self, cx: &mut Cx<'_>, texts: &BTreeSet<&str>) -> Result<()> {
        let missing = self.lookup.missing(texts);
        if missing.is_empty() {
            return Ok(());
        }
        let keyed: HashMap<_, _> = references(cx, &self.system, missing)?
            .into_iter()
            .filter(|reference| reference.kind == Customer::table().name)
            .map(|reference| (reference.record, reference.value))
            .collect();
        if !keyed.is_empty() {
            let ids = keyed.keys().map(|uuid| Id::<Customer>::from_uuid(*uuid));
            for customer in by_id(cx, ids)? {
                if let Some(key) = keyed.get(&customer.id.uuid()) {
                    self.lookup.put(key, customer);
                }
            }
        }
        self.lookup.load(cx, texts, &[(Customer::C.name, |customer| &customer.name)])
    }

    fn get(&self, cx: &Cx<'_>, text: &str) -> Result<Id<Customer>> {
        let customer = self.lookup.get(text)?;
        cx.require_reach(customer, Level::Edit)
            .map_err(|_| Error::new(&NAME_UNKNOWN).with("value", text).with("kind", self.lookup.kind))?;
        Ok(customer.id)
    }
}

/// The users, by id, login and name.
struct Users {
    by_text: HashMap<String, Vec<User>>,
}

impl Users {
    fn open(cx: &mut Cx<'_>) -> Result<Users> {
        let users = cx.query::<User>().fetch(cx.tx())?;
        let mut by_text: HashMap<String, Vec<User>> = HashMap::new();
        for user in &users {
            by_text.insert(user.id.to_string(), vec![user.clone()]);
            by_text.insert(user.login.clone(), vec![user.clone()]);
        }
        // A login stands for its user alone, whatever others are called.
        for user in &users {
            if users.iter().all(|other| other.login != user.name) {
                by_text.entry(user.name.clone()).or_default().push(user.clone());
            }
        }
        Ok(Users { by_text })
    }

    fn get(&self, text: &str) -> Result<&User> {
        let refused = |code| Error::new(code).with("value", text).with("kind", User::table().name);
        match self.by_text.get(text).map(Vec::as_slice) {
            Some([user]) => Ok(user),
            None | Some([]) => Err(refused(&NAME_UNKNOWN)),
            Some(_) => Err(refused(&NAME_AMBIGUOUS)),
        }
    }

    /// The owner and unit of a record: as the row says, where an empty cell is nobody, or as they were, or the caller.
    fn owner(
        &self,
        cx: &Cx<'_>,
        value: Option<Option<String>>,
        before: Option<Ownership>,
    ) -> Result<Ownership> {
        match (value, before) {
            (Some(Some(text)), _) => {
                let user = self.get(&text).map_err(|error| error.at("owner"))?;
                Ok((Some(user.id), user.unit))
            }
            (Some(None), _) => Ok((None, None)),
            (None, Some(before)) => Ok(before),
            (None, None) => Ok((Some(cx.actor().user.id), cx.actor().user.unit)),
        }
    }
}

/// Customers.
pub(super) struct Customers {
    users: Users,
    /// Credit codes of the rows so far, and those of the ledger that occur in the file.
    taken: HashMap<String, Id<Customer>>,
    /// Whether no customer had a code before: then none has to be looked up.
    fresh: bool,
}

impl Importable for Customers {
    type Record = Customer;
    const AREA: &'static str = "party";
    const FIELDS: &'static [FieldInfo] = &[
        needed("name", "名称"),
        field("kind", "类型"),
        field("stage", "阶段"),
        field("level", "级别"),
        field("industry", "行业"),
        field("region", "地区"),
        field("credit_code", "统一社会信用代码"),
        field("phone", "电话"),
        field("address", "地址"),
        field("tags", "标签"),
        field("credit_limit", "信用额度"),
        field("note", "备注"),
        field("owner", "负责人"),
    ];

    fn open(cx: &mut Cx<'_>, _: &str) -> Result<Self> {
        let coded = cx.query::<Customer>().present(Customer::C.credit_code).first(cx.tx())?;
        Ok(Customers { users: Users::open(cx)?, taken: HashMap::new(), fresh: coded.is_none() })
    }

    fn load(&mut self, cx: &mut Cx<'_>, batch: &Batch<'_>) -> Result<()> {
        let codes = batch.texts("credit_code");
        if self.fresh || codes.is_empty() {
            return Ok(());
        }
        let codes = codes.into_iter().map(|code| Some(code.trim().to_ascii_uppercase()));
        let query = cx.query::<Customer>().any_of(Customer::C.credit_code, codes);
        for customer in query.fetch(cx.tx())? {
            if let Some(code) = customer.credit_code {
                self.taken.insert(code, customer.id);
            }
        }
        Ok(())
    }

    fn build(&mut self, cx: &mut Cx<'_>, before: Option<&Customer>, values: Values) -> Result<Customer> {
        if let Some(before) = before {
            cx.require_reach(before, Level::Edit)?;
        }
        let mut data = before.cloned().map(CustomerData::from).unwrap_or_default();
        let mut owner = None;
        for (field, value) in values {
            match field {
                "name" => data.name = value.unwrap_or_default(),
                "kind" => data.kind = parsed(field, value, coded)?.unwrap_or_default(),
                "stage" => data.stage = parsed(field, value, coded)?.unwrap_or_default(),
                "level" => data.level = parsed(field, value, coded)?,
                "industry" => data.industry = value,
                "region" => data.region = value,
                "credit_code" => data.credit_code = value,
                "phone" => data.phone = value,
                "address" => data.address = value,
                "tags" => data.tags = value.as_deref().map(labels).unwrap_or_default(),
                "credit_limit" => data.credit_limit = parsed(field, value, Amount::parse)?,
                "note" => data.note = value,
                "owner" => owner = Some(value),
                _ => return Err(undeclared(field)),
            }
        }
        let (owner, unit) = self.users.owner(cx, owner, before.map(|b| (b.owner, b.unit)))?;
        let mut customer = match before {
            None => new_customer(cx, data, None)?,
            Some(before) => {
                let mut after = before.clone();
                data.apply(&mut after, cx.ledger().info().currency)?;
                after
            }
        };
        customer.owner = owner;
        customer.unit = unit;
        if let Some(code) = &customer.credit_code {
            if self.taken.get(code).is_some_and(|other| *other != customer.id) {
                return Err(Error::new(&CREDIT_CODE_TAKEN).at("credit_code").with("value", code));
            }
            self.taken.insert(code.clone(), customer.id);
        }
        Ok(customer)
    }

    fn change(&mut self, cx: &mut Cx<'_>, before: &Customer, after: Customer) -> Result<()> {
        if let Some(code) = before.credit_code.as_ref().filter(|_| before.credit_code != after.credit_code) {
            self.taken.remove(code);
        }
        cx.update(before, after).map(|_| ())
    }
}

/// Contacts.
pub(super) struct Contacts {
    customers: CustomerLookup,
}

impl Importable for Contacts {
    type Record = Contact;
    const AREA: &'static str = "party";
    const FIELDS: &'static [FieldInfo] = &[
        needed("customer", "客户"),
        needed("name", "姓名"),
        field("title", "职务"),
        field("role", "决策角色"),
        field("mobile", "手机"),
        field("email", "邮箱"),
        field("wechat", "微信"),
        dated("birthday", "生日"),
        field("primary", "主要联系人"),
        field("note", "备注"),
    ];

    fn open(_: &mut Cx<'_>, system: &str) -> Result<Self> {
        Ok(Contacts { customers: CustomerLookup::new(system) })
    }

    fn load(&mut self, cx: &mut Cx<'_>, batch: &Batch<'_>) -> Result<()> {
        self.customers.load(cx, &batch.texts("customer"))
    }

    fn build(&mut self, cx: &mut Cx<'_>, before: Option<&Contact>, mut values: Values) -> Result<Contact> {
        if let Some(before) = before {
            cx.get_owned(before.customer, Level::Edit)?;
        }
        let named = values.iter_mut().find(|(field, _)| *field == "customer");
        let named = named.and_then(|(_, value)| value.take());
        let named = named.ok_or_else(|| Error::new(&error::EMPTY).at("customer"))?;
        let customer = self.customers.get(cx, &named).map_err(|error| error.at("customer"))?;
        let mut data = match before {
            Some(before) => ContactData { customer, ..ContactData::from(before.clone()) },
            None => ContactData::of(customer),
        };
        for (field, value) in values {
            match field {
                "customer" => {}
                "name" => data.name = value.unwrap_or_default(),
                "title" => data.title = value,
                "role" => data.role = parsed(field, value, coded)?.unwrap_or_default(),
                "mobile" => data.mobile = value,
                "email" => data.email = value,
                "wechat" => data.wechat = value,
                "birthday" => data.birthday = parsed(field, value, parse_date)?,
                "primary" => data.primary = parsed(field, value, yes_or_no)?.unwrap_or_default(),
                "note" => data.note = value,
                _ => return Err(undeclared(field)),
            }
        }
        match before {
            None => new_contact(cx, data),
            Some(before) => {
                let mut after = before.clone();
                data.apply(&mut after)?;
                Ok(after)
            }
        }
    }
}

/// Products.
pub(super) struct Products {
    /// Codes of the rows so far, and those of the ledger that occur in the file.
    taken: HashMap<String, Id<Product>>,
}

impl Importable for Products {
    type Record = Product;
    const AREA: &'static str = "product";
    const FIELDS: &'static [FieldInfo] = &[
        field("code", "编码"),
        needed("name", "名称"),
        field("line", "产品线"),
        field("category", "分类"),
        field("specification", "规格"),
        field("unit", "单位"),
        field("list_price", "标价"),
        field("currency", "币种"),
        field("tax_rate", "税率"),
        field("active", "在售"),
        field("note", "备注"),
    ];

    fn open(_: &mut Cx<'_>, _: &str) -> Result<Self> {
        Ok(Products { taken: HashMap::new() })
    }

    fn load(&mut self, cx: &mut Cx<'_>, batch: &Batch<'_>) -> Result<()> {
        let codes = batch.texts("code");
        if codes.is_empty() {
            return Ok(());
        }
        let codes = codes.into_iter().map(|code| code.trim().to_owned());
        let query = cx.query::<Product>().any_of(Product::C.code, codes);
        for product in query.fetch(cx.tx())? {
            self.taken.insert(product.code, product.id);
        }
        Ok(())
    }

    fn build(&mut self, cx: &mut Cx<'_>, before: Option<&Product>, values: Values) -> Result<Product> {
        let mut data = before.cloned().map(ProductData::from).unwrap_or_default();
        for (field, value) in values {
            match field {
                "code" => data.code = value,
                "name" => data.name = value.unwrap_or_default(),
                "line" => data.line = value,
                "category" => data.category = value,
                "specification" => data.specification = value,
                "unit" => data.unit = value,
                "list_price" => data.list_price = parsed(field, value, Price::parse)?.unwrap_or_default(),
                "currency" => data.currency = parsed(field, value, Currency::from_code)?,
                "tax_rate" => data.tax_rate = parsed(field, value, Rate::parse)?.unwrap_or_default(),
                "active" => data.active = parsed(field, value, yes_or_no)?.unwrap_or(true),
                "note" => data.note = value,
                _ => return Err(undeclared(field)),
            }
        }
        let product = match before {
            None => new_product(cx, data)?,
            Some(before) => {
                let mut after = before.clone();
                data.apply(&mut after)?;
                after
            }
        };
        if !product.code.is_empty() {
            if self.taken.get(&product.code).is_some_and(|other| *other != product.id) {
                return Err(Error::new(&PRODUCT_CODE_TAKEN).at("code").with("value", &product.code));
            }
            self.taken.insert(product.code.clone(), product.id);
        }
        Ok(product)
    }

    fn change(&mut self, cx: &mut Cx<'_>, before: &Product, after: Product) -> Result<()> {
        if before.code != after.code {
            self.taken.remove(&before.code);
        }
        cx.update(before, after).map(|_| ())
    }

    fn create(&mut self, cx: &mut Cx<'_>, products: &mut [Product]) -> Result<()> {
        for product in products.iter_mut().filter(|product| product.code.is_empty()) {
            product.code = loop {
                let code = next_code(cx)?;
                if !self.taken.contains_key(&code) {
                    break code;
                }
            };
        }
        cx.import_all(products)
    }
}

/// Opportunities.
pub(super) struct Opportunities {
    users: Users,
    customers: CustomerLookup,
    products: Lookup<Product>,
    pipelines: Vec<Pipeline>,
    /// The pipeline of rows that name none; made when the first such row is met.
    usual: Option<Pipeline>,
}

/// What a row says of an opportunity beside its data.
#[derive(Default)]
struct Standing {
    owner: Option<Option<String>>,
    pipeline: Option<String>,
    stage: Option<String>,
    opened_on: Option<Date>,
    closed_on: Option<Option<Date>>,
    closed_amount: Option<Option<Amount>>,
    reason: Option<Option<String>>,
}

impl Importable for Opportunities {
    type Record = Opportunity;
    const AREA: &'static str = "opportunity";
    const FIELDS: &'static [FieldInfo] = &[
        needed("name", "名称"),
        field("customer", "客户"),
        field("product", "产品"),
        field("source", "来源"),
        field("expected_amount", "预计金额"),
        field("currency", "币种"),
        dated("expected_close", "预计成交日期"),
        field("note", "备注"),
        field("owner", "负责人"),
        field("pipeline", "销售流程"),
        field("stage", "阶段"),
        dated("opened_on", "开始日期"),
        dated("closed_on", "结束日期"),
        field("closed_amount", "成交金额"),
        field("reason", "赢单/输单原因"),
    ];

    fn open(cx: &mut Cx<'_>, system: &str) -> Result<Self> {
        Ok(Opportunities {
            users: Users::open(cx)?,
            customers: CustomerLookup::new(system),
            products: Lookup::new(Product::table().name),
            pipelines: cx.query::<Pipeline>().fetch(cx.tx())?,
            usual: None,
        })
    }

    fn load(&mut self, cx: &mut Cx<'_>, batch: &Batch<'_>) -> Result<()> {
        if self.usual.is_none() && batch.lacks("pipeline") {
            let usual = default_pipeline(cx)?;
            self.pipelines.retain(|pipeline| pipeline.id != usual.id);
            self.pipelines.push(usual.clone());
            self.usual = Some(usual);
        }
        self.customers.load(cx, &batch.texts("customer"))?;
        self.products.load(
            cx,
            &batch.texts("product"),
            &[(Product::C.code, |product| &product.code), (Product::C.name, |product| &product.name)],
        )
    }

    fn build(
        &mut self,
        cx: &mut Cx<'_>,
        before: Option<&Opportunity>,
        values: Values,
    ) -> Result<Opportunity> {
        if let Some(before) = before {
            cx.require_reach(before, Level::Edit)?;
        }
        let mut data = before.cloned().map(OpportunityData::from).unwrap_or_default();
        let mut standing = Standing::default();
        let mut expected = false;
        for (field, value) in values {
            match field {
                "name" => data.name = value.unwrap_or_default(),
                "customer" => data.customer = parsed(field, value, |text| self.customers.get(cx, text))?,
                "product" => {
                    data.product = parsed(field, value, |text| self.products.get(text).map(|p| p.id))?;
                }
                "source" => data.source = value,
                "expected_amount" => {
                    expected = value.is_some();
                    data.expected_amount = parsed(field, value, Amount::parse)?.unwrap_or_default();
                }
                "currency" => data.currency = parsed(field, value, Currency::from_code)?,
                "expected_close" => data.expected_close = parsed(field, value, parse_date)?,
                "note" => data.note = value,
                "owner" => standing.owner = Some(value),
                "pipeline" => standing.pipeline = value,
                "stage" => standing.stage = value,
                "opened_on" => standing.opened_on = parsed(field, value, parse_date)?,
                "closed_on" => standing.closed_on = Some(parsed(field, value, parse_date)?),
                "closed_amount" => standing.closed_amount = Some(parsed(field, value, Amount::parse)?),
                "reason" => standing.reason = Some(value),
                _ => return Err(undeclared(field)),
            }
        }
        if before.is_none() && !expected {
            data.expected_amount = standing.closed_amount.flatten().unwrap_or_default();
        }
        // Another customer has other contacts.
        if before.is_some_and(|before| before.customer != data.customer) {
            data.contact = None;
        }
        let after = self.stand(cx, before, data, standing)?;
        match before {
            Some(before) if before.status != OpportunityStatus::Open && *before != after => {
                Err(closed(before))
            }
            _ => Ok(after),
        }
    }

    fn create(&mut self, cx: &mut Cx<'_>, opportunities: &mut [Opportunity]) -> Result<()> {
        let years: BTreeSet<i32> = opportunities.iter().map(|o| o.opened_on.year()).collect();
        for year in years {
            let of_year = || opportunities.iter().filter(|o| o.opened_on.year() == year).count();
            let numbers = numbers(cx, year, of_year())?;
            let of_year = opportunities.iter_mut().filter(|o| o.opened_on.year() == year);
            of_year.zip(numbers).for_each(|(opportunity, number)| opportunity.number = number);
        }
        cx.import_all(opportunities)?;
        // The history repeats what the record says, so the trail need not.
        let ids = cx.ids();
        let entered = |opportunity: &Opportunity| {
            stage_change(cx, 1, None, opportunity, opportunity.reason.clone()).encode(ids)
        };
        let rows = opportunities.iter().map(entered).collect::<Result<Vec<_>>>()?;
        cx.tx().insert(StageChange::table(), &rows)
    }

    fn change(&mut self, cx: &mut Cx<'_>, before: &Opportunity, after: Opportunity) -> Result<()> {
        let after = cx.update(before, after)?;
        if after.stage == before.stage {
            return Ok(());
        }
        note_change(cx, before.stage, &after, after.reason.clone())
    }
}

impl Opportunities {
    fn pipeline(&self, named: Option<&str>, before: Option<&Opportunity>) -> Result<&Pipeline> {
        let by_id = |id: Id<Pipeline>| self.pipelines.iter().find(|pipeline| pipeline.id == id);
        let found = match (named, before) {
            (Some(named), _) => {
                let by_name = self.pipelines.iter().find(|pipeline| pipeline.name == named);
                by_name.or_else(|| by_id(serde_json::from_value(named.into()).ok()?))
            }
            (None, Some(before)) => by_id(before.pipeline),
            (None, None) => self.usual.as_ref(),
        };
        let pipeline = found.ok_or_else(|| {
            Error::new(&NAME_UNKNOWN)
                .at("pipeline")
                .with("value", named.unwrap_or_default())
                .with("kind", Pipeline::table().name)
        })?;
        match before {
            Some(before) if before.pipeline != pipeline.id => Err(Error::new(&error::NOT_APPLICABLE)
                .at("pipeline")
                .with_both("reason", "an opportunity stays in its pipeline", "商机不能更换销售流程")),
            _ => Ok(pipeline),
        }
    }

    /// The opportunity with its data, where the row says that it stands.
    fn stand(
        &self,
        cx: &Cx<'_>,
        before: Option<&Opportunity>,
        data: OpportunityData,
        standing: Standing,
    ) -> Result<Opportunity> {
        let pipeline = self.pipeline(standing.pipeline.as_deref(), before)?;
        let closed_on = standing.closed_on.unwrap_or(before.and_then(|before| before.closed_on));
        let today = cx.today();
        let opened_on = match (standing.opened_on, before) {
            (Some(opened_on), _) => opened_on,
            (None, Some(before)) => before.opened_on,
            (None, None) => closed_on.unwrap_or(today).min(today),
        };
        check_past("opened_on", opened_on, today)?;
        if let Some(closed_on) = closed_on {
            check_past("closed_on", closed_on, today)?;
        }
        let first = pipeline.first_of(StageKind::Open).ok_or_else(|| undeclared("stage"))?;
        let mut after = match before {
            Some(before) => Opportunity { opened_on, ..before.clone() },
            None => new_opportunity(cx, pipeline, first, opened_on, None),
        };
        if let Some(stage) =
            stage_named(pipeline, standing.stage.as_deref())?.filter(|s| s.seq != after.stage)
        {
            let since = match (stage.kind, before) {
                (StageKind::Open, Some(_)) => today,
                (StageKind::Open, None) => opened_on,
                (StageKind::Won | StageKind::Lost, _) => closed_on.unwrap_or(opened_on),
            };
            enter(&mut after, stage, since);
        }
        data.apply(&mut after)?;
        let closed_amount = standing.closed_amount.unwrap_or(before.and_then(|before| before.closed_amount));
        settle(&mut after, closed_on, closed_amount)?;
        if let Some(reason) = standing.reason {
            after.reason = optional(reason);
        }
        let ownership = before.map(|before| (before.owner, before.unit));
        (after.owner, after.unit) = self.users.owner(cx, standing.owner, ownership)?;
        Ok(after)
    }
}

/// The stage with this name, or at this position.
fn stage_named<'p>(pipeline: &'p Pipeline, named: Option<&str>) -> Result<Option<&'p Stage>> {
    let Some(named) = named else { return Ok(None) };
    let stages = &pipeline.stages.0;
    let by_name = stages.iter().find(|stage| stage.name == named);
    let found = by_name.or_else(|| pipeline.stage(named.parse().ok()?));
    found.map(Some).ok_or_else(|| {
        let known: Vec<&str> = stages.iter().map(|stage| stage.name.as_str()).collect();
        Error::new(&crate::areas::opportunity::rules::STAGE_UNKNOWN)
            .at("stage")
            .with("pipeline", &pipeline.name)
            .with("stage", named)
            .with("known", known.join(", "))
    })
}
