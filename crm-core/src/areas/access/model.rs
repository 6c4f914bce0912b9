//! Org units, roles, users and collaborators as stored.

use std::collections::BTreeMap;

use uuid::Uuid;

use crate::catalog::Level;
use crate::kernel::date::Instant;
use crate::kernel::error::Result;
use crate::kernel::id::{Id, IdCodec};
use crate::store::cell::Cell;
use crate::store::engine::Tx;
use crate::store::record::{Big, Json, Record};

crate::coded! {
    /// Whose records a role reaches; each scope includes the ones before.
    #[derive(Default)]
    pub enum DataScope {
        /// The user's own.
        #[default]
        Own = 1, "own", "本人";
        /// Those of the user's org unit.
        Unit = 2, "unit", "本部门";
        /// Those of the user's org unit and all units below.
        Subtree = 3, "subtree", "本部门及下级";
        /// All.
        All = 4, "all", "全部";
    }
}

crate::record! {
    /// A node of the organisation tree.
    pub struct OrgUnit, OrgUnitColumns in "org_unit" key (id) {
        /// Id.
        id: Id<OrgUnit>,
        /// Name, unique.
        name: String,
        /// The unit above; none for a root.
        parent: Option<Id<OrgUnit>>,
        /// The user who heads it; not kept as a foreign key, since users refer to units.
        head: Option<Uuid> = since 2 or Cell::Null,
        /// Version.
        version: u32,
    }
    unique org_unit_name (name);
}

crate::record! {
    /// A role.
    pub struct Role, RoleColumns in "role" key (id) {
        /// Id.
        id: Id<Role>,
        /// Name, unique.
        name: String,
        /// Whose records it reaches.
        scope: DataScope,
        /// The level per area.
        levels: Json<BTreeMap<String, Level>>,
        /// Named permissions.
        permissions: Json<Vec<String>>,
        /// Whether it may do everything; then levels and permissions do not matter.
        everything: bool,
        /// Version.
        version: u32,
    }
    unique role_name (name);
}

crate::record! {
    /// A user of the ledger. Proving who somebody is remains the host's business.
    pub struct User, UserColumns in "user" key (id) {
        /// Id.
        id: Id<User>,
        /// The name that the host opens sessions with, unique.
        login: String,
        /// The person's name.
        name: String,
        /// The org unit.
        unit: Option<Id<OrgUnit>>,
        /// Roles.
        roles: Json<Vec<Id<Role>>>,
        /// Whether sessions may be opened.
        active: bool,
        /// When created.
        created_at: Instant,
        /// Version.
        version: u32,
    }
    unique user_login (login);
    index user_unit (unit);
}

crate::record! {
    /// A user who reaches one record beyond the scope of roles.
    pub struct Collaborator, CollaboratorColumns in "collaborator" key (record, user) {
        /// The record: a customer, an opportunity, a contract.
        record: Uuid,
        /// The user.
        user: Id<User>,
        /// How far.
        level: Level,
    }
    index collaborator_user (user);
}

crate::record! {
    /// Counts the changes of rights, so that what is kept of users in memory is known to be current.
    pub struct RightsStamp, RightsStampColumns in "rights_stamp" key (number) {
        /// Always 1.
        number: u32,
        /// How many changes there were.
        stamp: Big,
    }
}

crate::entity!(OrgUnit, Role, User);

/// Writes the first user, whose role may do everything.
///
/// # Errors
/// Of the engine.
pub fn create_first_user(
    tx: &mut dyn Tx,
    ids: IdCodec,
    now: Instant,
    new_id: &mut dyn FnMut(Instant) -> Uuid,
    login: &str,
) -> Result<()> {
    let role = Role {
        id: Id::from_uuid(new_id(now)),
        name: "administrator".to_owned(),
        scope: DataScope::All,
        levels: Json::default(),
        permissions: Json::default(),
        everything: true,
        version: 1,
    };
    let user = User {
        id: Id::from_uuid(new_id(now)),
        login: login.to_owned(),
        name: login.to_owned(),
        unit: None,
        roles: Json(vec![role.id]),
        active: true,
        created_at: now,
        version: 1,
    };
    tx.insert(Role::table(), &[role.encode(ids)?])?;
    tx.insert(User::table(), &[user.encode(ids)?])?;
    tx.insert(RightsStamp::table(), &[RightsStamp { number: 1, stamp: Big(1) }.encode(ids)?])
}
