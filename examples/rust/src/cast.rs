//! The people of the story: a sales person, and a manager who approves and sees everything.

use std::collections::BTreeMap;

use crm::app::{Ledger, Session};
use crm::areas::access::{CreateRole, CreateUnit, CreateUser, DataScope};
use crm::catalog::Level;
use crm::kernel::error::Result;

/// Open sessions.
pub(crate) struct Cast {
    pub(crate) seller: Session,
    pub(crate) manager: Session,
}

/// Creates the org unit, the roles and the users.
pub(crate) fn hire(ledger: &Ledger) -> Result<Cast> {
    let admin = ledger.session("admin")?;
    let unit = admin.run(CreateUnit { name: "华东销售部".to_owned(), parent: None, head: None })?;
    let levels = |level: Level, areas: &[&str]| -> BTreeMap<String, Level> {
        areas.iter().map(|area| ((*area).to_owned(), level)).collect()
    };
    let areas =
        ["party", "product", "opportunity", "activity", "contract", "settlement", "invoice", "warning"];
    let seller = admin.run(CreateRole {
        name: "业务员".to_owned(),
        scope: DataScope::Unit,
        levels: levels(Level::Edit, &areas),
        permissions: vec!["import.run".to_owned()],
    })?;
    let manager = admin.run(CreateRole {
        name: "销售经理".to_owned(),
        scope: DataScope::All,
        levels: levels(Level::Manage, &areas),
        permissions: vec!["contract.approve".to_owned()],
    })?;
    for (login, name, role) in [("wang", "王芳", seller.id), ("chen", "陈明", manager.id)] {
        admin.run(CreateUser {
            login: login.to_owned(),
            name: name.to_owned(),
            unit: Some(unit.id),
            roles: vec![role],
        })?;
    }
    Ok(Cast { seller: ledger.session("wang")?, manager: ledger.session("chen")? })
}
