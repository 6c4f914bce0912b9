//! Operations on products.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::model::Product;
use super::rules::{self, PRODUCT_CODE_TAKEN};
use crate::app::{Cx, ListRequest, NOT_FOUND, Page, STALE_VERSION};
use crate::areas::party::rules::{name, optional};
use crate::catalog::{Access, Entry, Example, Given, Level, Operation};
use crate::kernel::currency::Currency;
use crate::kernel::decimal::{Price, Rate};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::engine::Mode;
use crate::store::record::Record;

pub(super) const LIST: fn() -> Vec<Entry> =
    crate::operations![CreateProduct, UpdateProduct, GetProduct, ListProducts];

/// A step of examples: a product.
pub const GIVEN_PRODUCT: Given = Given {
    save: "product",
    call: "product.create",
    input: r#"{"name": "液相色谱仪", "line": "色谱", "specification": "LC-2030", "unit": "台", "list_price": "268000", "tax_rate": "0.13"}"#,
};

/// What is known of a product.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductData {
    /// Code, unique, up to 50 characters; left out, a new product gets the next number and another keeps what it has.
    #[serde(default)]
    pub code: Option<String>,
    /// Name, up to 200 characters.
    pub name: String,
    /// Product line.
    #[serde(default)]
    pub line: Option<String>,
    /// Category.
    #[serde(default)]
    pub category: Option<String>,
    /// Specification.
    #[serde(default)]
    pub specification: Option<String>,
    /// The unit that quantities count: 台, 套, 人天.
    #[serde(default)]
    pub unit: Option<String>,
    /// List price per unit, tax included; zero when left out.
    #[serde(default)]
    pub list_price: Price,
    /// Currency of the list price; the ledger's when left out.
    #[serde(default)]
    pub currency: Option<Currency>,
    /// Tax rate as a fraction from 0 to 1: 0.13 is 13 %; zero when left out.
    #[serde(default)]
    pub tax_rate: Rate,
    /// Whether it is still sold; it is when left out.
    #[serde(default = "yes")]
    pub active: bool,
    /// Remarks.
    #[serde(default)]
    pub note: Option<String>,
}

fn yes() -> bool {
    true
}

impl Default for ProductData {
    fn default() -> Self {
        ProductData {
            code: None,
            name: String::new(),
            line: None,
            category: None,
            specification: None,
            unit: None,
            list_price: Price::ZERO,
            currency: None,
            tax_rate: Rate::ZERO,
            active: true,
            note: None,
        }
    }
}

impl From<Product> for ProductData {
    fn from(product: Product) -> Self {
        ProductData {
            code: Some(product.code),
            name: product.name,
            line: product.line,
            category: product.category,
            specification: product.specification,
            unit: product.unit,
            list_price: product.list_price,
            currency: Some(product.currency),
            tax_rate: product.tax_rate,
            active: product.active,
            note: product.note,
        }
    }
}

impl ProductData {
    /// Puts the data into a record.
    pub(crate) fn apply(self, product: &mut Product) -> Result<()> {
        if let Some(code) = optional(self.code) {
            product.code = name("code", &code, 50)?;
        }
        product.name = name("name", &self.name, 200)?;
        product.line = optional(self.line);
        product.category = optional(self.category);
        product.specification = optional(self.specification);
        product.unit = optional(self.unit);
        product.list_price = rules::check_list_price(self.list_price)?;
        product.currency = self.currency.unwrap_or(product.currency);
        product.tax_rate = rules::check_share("tax_rate", self.tax_rate)?;
        product.active = self.active;
        product.note = optional(self.note);
        Ok(())
    }
}

/// A product from its data, not yet stored; its code is empty when the data has none.
pub(crate) fn new_product(cx: &Cx<'_>, data: ProductData) -> Result<Product> {
    let mut product = Product {
        id: cx.new_id(),
        code: String::new(),
        name: String::new(),
        line: None,
        category: None,
        specification: None,
        unit: None,
        list_price: Price::ZERO,
        currency: cx.ledger().info().currency,
        tax_rate: Rate::ZERO,
        active: true,
        note: None,
        created_at: cx.now(),
        version: 1,
    };
    data.apply(&mut product)?;
    Ok(product)
}

fn by_code(cx: &mut Cx<'_>, code: &str) -> Result<Option<Product>> {
    cx.query::<Product>().equal(Product::C.code, code.to_owned()).first(cx.tx())
}

/// The next number that nobody has given by hand.
pub(crate) fn next_code(cx: &mut Cx<'_>) -> Result<String> {
    loop {
        let code = rules::numbered_code(cx.number("product")?);
        if by_code(cx, &code)?.is_none() {
            return Ok(code);
        }
    }
}

fn check_code_free(cx: &mut Cx<'_>, product: &Product) -> Result<()> {
    match by_code(cx, &product.code)? {
        Some(other) if other.id != product.id => {
            Err(Error::new(&PRODUCT_CODE_TAKEN).at("code").with("value", &product.code))
        }
        _ => Ok(()),
    }
}

/// Creates a product.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct CreateProduct(pub ProductData);

impl Operation for CreateProduct {
    type Output = Product;
    const NAME: &'static str = "product.create";
    const ZH: &'static str = "新建产品";
    const ACCESS: Access = Access::Level("product", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&error::EMPTY, &error::TOO_LONG, &error::OUT_OF_RANGE, &PRODUCT_CODE_TAKEN];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_PRODUCT.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Product> {
        let mut product = new_product(cx, self.0)?;
        if product.code.is_empty() {
            product.code = next_code(cx)?;
        } else {
            check_code_free(cx, &product)?;
        }
        cx.subject(product.id);
        cx.insert(&product)?;
        Ok(product)
    }
}

/// Replaces what is known of a product.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateProduct {
    /// The product.
    pub id: Id<Product>,
    /// The version you have read.
    pub version: u32,
    /// What is known now; what is left out is emptied, except code and currency, which stay.
    pub data: ProductData,
}

impl Operation for UpdateProduct {
    type Output = Product;
    const NAME: &'static str = "product.update";
    const ZH: &'static str = "修改产品";
    const ACCESS: Access = Access::Level("product", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &error::EMPTY,
        &error::TOO_LONG,
        &error::OUT_OF_RANGE,
        &PRODUCT_CODE_TAKEN,
        &NOT_FOUND,
        &STALE_VERSION,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_PRODUCT],
        input: r#"{"id": "${product.id}", "version": 1, "data": {"name": "液相色谱仪", "list_price": "258000", "tax_rate": "0.13"}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Product> {
        let before = cx.get_at(self.id, self.version)?;
        cx.subject(before.id);
        let mut after = before.clone();
        self.data.apply(&mut after).map_err(|error| error.within("data"))?;
        check_code_free(cx, &after).map_err(|error| error.within("data"))?;
        cx.update(&before, after)
    }
}

/// Reads a product.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetProduct {
    /// The product.
    pub id: Id<Product>,
}

impl Operation for GetProduct {
    type Output = Product;
    const NAME: &'static str = "product.get";
    const ZH: &'static str = "查看产品";
    const ACCESS: Access = Access::Level("product", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[GIVEN_PRODUCT], input: r#"{"id": "${product.id}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Product> {
        cx.get(self.id)
    }
}

/// Lists products.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListProducts(pub ListRequest);

impl Operation for ListProducts {
    type Output = Page<Product>;
    const NAME: &'static str = "product.list";
    const ZH: &'static str = "产品列表";
    const ACCESS: Access = Access::Level("product", Level::Read);
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::NOT_ALLOWED, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_PRODUCT],
        input: r#"{"filter": {"equal": ["active", true]}, "sort": [{"field": "code"}]}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Product>> {
        cx.list(&super::PRODUCTS, &self.0)
    }
}
