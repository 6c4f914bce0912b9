//! Products as stored.

use crate::kernel::currency::Currency;
use crate::kernel::date::Instant;
use crate::kernel::decimal::{Price, Rate};
use crate::kernel::id::Id;

crate::record! {
    /// Something that is sold: goods or a service.
    pub struct Product, ProductColumns in "product" key (id) {
        /// Id.
        id: Id<Product>,
        /// Code, unique.
        code: String,
        /// Name.
        name: String,
        /// Product line.
        line: Option<String>,
        /// Category.
        category: Option<String>,
        /// Specification.
        specification: Option<String>,
        /// The unit that quantities count: 台, 套, 人天.
        unit: Option<String>,
        /// List price per unit, tax included.
        list_price: Price,
        /// Currency of the list price.
        currency: Currency,
        /// Tax rate as a fraction: 0.13 is 13 %.
        tax_rate: Rate,
        /// Whether it is still sold.
        active: bool,
        /// Remarks.
        note: Option<String>,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique product_code (code);
    index product_name (name);
}

crate::entity!(Product);
