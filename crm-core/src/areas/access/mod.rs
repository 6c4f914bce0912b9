//! Who may do what: org units, roles, users, collaborators on single records.
//!
//! A role grants a level (read, edit, manage) on areas, named permissions, and a data scope: own records, those of the
//! own unit, of the unit and all below it, or all. A user with several roles has the most of each. A collaborator sees
//! one record beyond the scope.

mod actor;
mod model;
mod operations;

pub use actor::{Actor, Owned, begin_with_stamp, load_actor, rights_stamp};
pub(crate) use actor::{Reach, load_actors};
pub use model::{
    Collaborator, CollaboratorColumns, DataScope, OrgUnit, OrgUnitColumns, RightsStamp, RightsStampColumns,
    Role, RoleColumns, User, UserColumns, create_first_user,
};
pub use operations::*;

use crate::catalog::Area;
use crate::store::dataset::Dataset;
use crate::store::record::Record;

/// Users.
pub static USERS: Dataset =
    Dataset { name: "user", zh: "用户", table: User::table, fields: &[], scope: None };
/// Org units.
pub static UNITS: Dataset =
    Dataset { name: "org_unit", zh: "部门", table: OrgUnit::table, fields: &[], scope: None };
/// Roles.
pub static ROLES: Dataset =
    Dataset { name: "role", zh: "角色", table: Role::table, fields: &[], scope: None };

/// The area.
pub static AREA: Area = Area {
    name: "access",
    zh: "权限",
    tables: &[OrgUnit::table, Role::table, User::table, Collaborator::table, RightsStamp::table],
    datasets: &[&USERS, &UNITS, &ROLES],
    permissions: &[],
    codes: &[operations::ALL],
    operations: operations::LIST,
    forward: None,
    give_back: None,
};
