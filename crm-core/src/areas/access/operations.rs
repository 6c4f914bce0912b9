//! Operations on units, roles, users and collaborators.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::actor::Reach;
use super::model::{Collaborator, DataScope, OrgUnit, RightsStamp, Role, User};
use crate::app::{Cx, ListRequest, Page};
use crate::catalog::{AREAS, Access, Entry, Example, Given, Level, Operation};
use crate::kernel::error::{self, Code, Error, Result};
use crate::kernel::id::Id;
use crate::store::cell::Cell;
use crate::store::engine::Mode;
use crate::store::plan::{ColumnRef, Pred};
use crate::store::record::{Json, Record};

pub(super) const LIST: fn() -> Vec<Entry> = crate::operations![
    CreateUnit,
    UpdateUnit,
    ListUnits,
    CreateRole,
    UpdateRole,
    ListRoles,
    CreateUser,
    UpdateUser,
    GetUser,
    ListUsers,
    AddCollaborator,
    RemoveCollaborator,
];

crate::codes! {
    /// The login is taken.
    LOGIN_TAKEN = 1300, Conflict, "The login {value} is taken.", "登录名 {value} 已存在。";
    /// The name is taken.
    NAME_TAKEN = 1301, Conflict, "The name {value} is taken.", "名称 {value} 已存在。";
    /// Nobody would be left who may do everything.
    LAST_ADMINISTRATOR = 1303, State, "This is the last active user who may do everything.", "这是最后一个拥有全部权限的有效用户。";
    /// The unit would stand above itself.
    UNIT_ABOVE_ITSELF = 1304, Invalid, "The unit {name} cannot stand below itself.", "部门 {name} 不能成为自身的下级。";
}

/// A step of examples: a sales unit.
pub(crate) const GIVEN_UNIT: Given =
    Given { save: "unit", call: "unit.create", input: r#"{"name": "华东销售部"}"# };
/// A step of examples: a role for sales people.
pub(crate) const GIVEN_ROLE: Given = Given {
    save: "role",
    call: "role.create",
    input: r#"{"name": "销售", "scope": "own", "levels": {"party": "edit"}}"#,
};
/// A step of examples: a sales person.
pub(crate) const GIVEN_USER: Given = Given {
    save: "user",
    call: "user.create",
    input: r#"{"login": "wang", "name": "王芳", "unit": "${unit.id}", "roles": ["${role.id}"]}"#,
};

/// Notes that rights have changed, so that nothing kept in memory outlives them.
fn touch_rights(cx: &mut Cx<'_>) -> Result<()> {
    let stamp = super::rights_stamp(cx.tx)?;
    let key = Pred::equal(ColumnRef::base(RightsStamp::C.number.position()), Cell::Int(1));
    cx.tx.update(RightsStamp::table(), &[(RightsStamp::C.stamp.position(), Cell::Int(stamp + 1))], &key)?;
    Ok(())
}

/// A text that must not be empty.
pub(crate) fn required(field: &str, text: &str) -> Result<String> {
    let text = text.trim();
    if text.is_empty() { Err(Error::new(&error::EMPTY).at(field)) } else { Ok(text.to_owned()) }
}

/// Creates an org unit.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUnit {
    /// Name, unique.
    pub name: String,
    /// The unit above.
    #[serde(default)]
    pub parent: Option<Id<OrgUnit>>,
    /// The user who heads it.
    #[serde(default)]
    pub head: Option<Id<User>>,
}

impl Operation for CreateUnit {
    type Output = OrgUnit;
    const NAME: &'static str = "unit.create";
    const ZH: &'static str = "新建部门";
    const ACCESS: Access = Access::Level("access", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::EMPTY, &NAME_TAKEN, &crate::app::NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_UNIT.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<OrgUnit> {
        let name = required("name", &self.name)?;
        if let Some(parent) = self.parent {
            cx.get(parent).map_err(|error| error.at("parent"))?;
        }
        let head = check_head(cx, self.head)?;
        if cx.query::<OrgUnit>().equal(OrgUnit::C.name, name.clone()).first(cx.tx())?.is_some() {
            return Err(Error::new(&NAME_TAKEN).at("name").with("value", name));
        }
        let unit = OrgUnit { id: cx.new_id(), name, parent: self.parent, head, version: 1 };
        cx.subject(unit.id);
        cx.insert(&unit)?;
        touch_rights(cx)?;
        Ok(unit)
    }
}

fn check_head(cx: &mut Cx<'_>, head: Option<Id<User>>) -> Result<Option<Uuid>> {
    if let Some(head) = head {
        cx.get(head).map_err(|error| error.at("head"))?;
    }
    Ok(head.map(Id::uuid))
}

/// Changes an org unit: its name, the unit above, its head.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUnit {
    /// The unit.
    pub id: Id<OrgUnit>,
    /// The version you have read.
    pub version: u32,
    /// Name, unique.
    pub name: String,
    /// The unit above.
    #[serde(default)]
    pub parent: Option<Id<OrgUnit>>,
    /// The user who heads it: who is told of warnings for the unit, also when heading several.
    #[serde(default)]
    pub head: Option<Id<User>>,
}

impl Operation for UpdateUnit {
    type Output = OrgUnit;
    const NAME: &'static str = "unit.update";
    const ZH: &'static str = "修改部门";
    const ACCESS: Access = Access::Level("access", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &error::EMPTY,
        &NAME_TAKEN,
        &UNIT_ABOVE_ITSELF,
        &crate::app::NOT_FOUND,
        &crate::app::STALE_VERSION,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_UNIT],
        input: r#"{"id": "${unit.id}", "version": 1, "name": "华东销售部", "head": "${admin}"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<OrgUnit> {
        let name = required("name", &self.name)?;
        let before = cx.get_at(self.id, self.version)?;
        cx.subject(before.id);
        let head = check_head(cx, self.head)?;
        let (mut above, mut passed) = (self.parent, Vec::new());
        while let Some(unit) = above {
            if unit == self.id || passed.contains(&unit) {
                return Err(Error::new(&UNIT_ABOVE_ITSELF).at("parent").with("name", name));
            }
            passed.push(unit);
            above = cx.get(unit).map_err(|error| error.at("parent"))?.parent;
        }
        let other = cx.query::<OrgUnit>().equal(OrgUnit::C.name, name.clone()).first(cx.tx())?;
        if other.is_some_and(|other| other.id != self.id) {
            return Err(Error::new(&NAME_TAKEN).at("name").with("value", name));
        }
        let after = OrgUnit { name, parent: self.parent, head, ..before.clone() };
        let unit = cx.update(&before, after)?;
        touch_rights(cx)?;
        Ok(unit)
    }
}

/// Lists org units.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListUnits(pub ListRequest);

impl Operation for ListUnits {
    type Output = Page<OrgUnit>;
    const NAME: &'static str = "unit.list";
    const ZH: &'static str = "部门列表";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: &[GIVEN_UNIT], input: "{}" };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<OrgUnit>> {
        cx.list(&super::UNITS, &self.0)
    }
}

/// Creates a role.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateRole {
    /// Name, unique.
    pub name: String,
    /// Whose records it reaches.
    pub scope: DataScope,
    /// The level per area: `{"contract": "edit"}`.
    #[serde(default)]
    pub levels: BTreeMap<String, Level>,
    /// Named permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

fn check_grants(levels: &BTreeMap<String, Level>, permissions: &[String]) -> Result<()> {
    if let Some(unknown) = levels.keys().find(|name| AREAS.iter().all(|area| area.name != name.as_str())) {
        let areas: Vec<&str> = AREAS.iter().map(|area| area.name).collect();
        return Err(Error::new(&error::NOT_ALLOWED)
            .at(format!("levels.{unknown}"))
            .with("value", unknown)
            .with("allowed", areas.join(", ")));
    }
    let known: Vec<&str> = AREAS.iter().flat_map(|area| area.permissions).map(|(name, ..)| *name).collect();
    for (index, permission) in permissions.iter().enumerate() {
        if !known.contains(&permission.as_str()) {
            return Err(Error::new(&error::NOT_ALLOWED)
                .at(format!("permissions[{index}]"))
                .with("value", permission)
                .with("allowed", known.join(", ")));
        }
    }
    Ok(())
}

impl Operation for CreateRole {
    type Output = Role;
    const NAME: &'static str = "role.create";
    const ZH: &'static str = "新建角色";
    const ACCESS: Access = Access::Level("access", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::EMPTY, &NAME_TAKEN, &error::NOT_ALLOWED];
    const EXAMPLE: Example = Example { given: &[], input: GIVEN_ROLE.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<Role> {
        let name = required("name", &self.name)?;
        check_grants(&self.levels, &self.permissions)?;
        if cx.query::<Role>().equal(Role::C.name, name.clone()).first(cx.tx())?.is_some() {
            return Err(Error::new(&NAME_TAKEN).at("name").with("value", name));
        }
        let role = Role {
            id: cx.new_id(),
            name,
            scope: self.scope,
            levels: Json(self.levels),
            permissions: Json(self.permissions),
            everything: false,
            version: 1,
        };
        cx.subject(role.id);
        cx.insert(&role)?;
        Ok(role)
    }
}

/// Changes what a role grants.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateRole {
    /// The role.
    pub id: Id<Role>,
    /// The version you have read.
    pub version: u32,
    /// Whose records it reaches.
    pub scope: DataScope,
    /// The level per area.
    #[serde(default)]
    pub levels: BTreeMap<String, Level>,
    /// Named permissions.
    #[serde(default)]
    pub permissions: Vec<String>,
}

impl Operation for UpdateRole {
    type Output = Role;
    const NAME: &'static str = "role.update";
    const ZH: &'static str = "修改角色";
    const ACCESS: Access = Access::Level("access", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] =
        &[&error::NOT_ALLOWED, &crate::app::NOT_FOUND, &crate::app::STALE_VERSION, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_ROLE],
        input: r#"{"id": "${role.id}", "version": 1, "scope": "unit", "levels": {"party": "read"}}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Role> {
        check_grants(&self.levels, &self.permissions)?;
        let before = cx.get_at(self.id, self.version)?;
        cx.subject(before.id);
        let mut after = before.clone();
        after.scope = self.scope;
        after.levels = Json(self.levels);
        after.permissions = Json(self.permissions);
        let role = cx.update(&before, after)?;
        touch_rights(cx)?;
        Ok(role)
    }
}

/// Lists roles.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListRoles(pub ListRequest);

impl Operation for ListRoles {
    type Output = Page<Role>;
    const NAME: &'static str = "role.list";
    const ZH: &'static str = "角色列表";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: &[GIVEN_ROLE], input: "{}" };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<Role>> {
        cx.list(&super::ROLES, &self.0)
    }
}

/// Creates a user.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    /// The name that the host opens sessions with, unique.
    pub login: String,
    /// The person's name.
    pub name: String,
    /// The org unit.
    #[serde(default)]
    pub unit: Option<Id<OrgUnit>>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<Id<Role>>,
}

impl Operation for CreateUser {
    type Output = User;
    const NAME: &'static str = "user.create";
    const ZH: &'static str = "新建用户";
    const ACCESS: Access = Access::Level("access", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&error::EMPTY, &LOGIN_TAKEN, &crate::app::NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[GIVEN_UNIT, GIVEN_ROLE], input: GIVEN_USER.input };
    fn run(self, cx: &mut Cx<'_>) -> Result<User> {
        let (login, name) = (required("login", &self.login)?, required("name", &self.name)?);
        check_membership(cx, self.unit, &self.roles)?;
        if cx.query::<User>().equal(User::C.login, login.clone()).first(cx.tx())?.is_some() {
            return Err(Error::new(&LOGIN_TAKEN).at("login").with("value", login));
        }
        let user = User {
            id: cx.new_id(),
            login,
            name,
            unit: self.unit,
            roles: Json(self.roles),
            active: true,
            created_at: cx.now(),
            version: 1,
        };
        cx.subject(user.id);
        cx.insert(&user)?;
        Ok(user)
    }
}

fn check_membership(cx: &mut Cx<'_>, unit: Option<Id<OrgUnit>>, roles: &[Id<Role>]) -> Result<()> {
    if let Some(unit) = unit {
        cx.get(unit).map_err(|error| error.at("unit"))?;
    }
    for (index, role) in roles.iter().enumerate() {
        cx.get(*role).map_err(|error| error.at(format!("roles[{index}]")))?;
    }
    Ok(())
}

/// Changes a user: name, org unit, roles, whether active.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpdateUser {
    /// The user.
    pub id: Id<User>,
    /// The version you have read.
    pub version: u32,
    /// The person's name.
    pub name: String,
    /// The org unit.
    #[serde(default)]
    pub unit: Option<Id<OrgUnit>>,
    /// Roles.
    #[serde(default)]
    pub roles: Vec<Id<Role>>,
    /// Whether sessions may be opened.
    pub active: bool,
}

impl Operation for UpdateUser {
    type Output = User;
    const NAME: &'static str = "user.update";
    const ZH: &'static str = "修改用户";
    const ACCESS: Access = Access::Level("access", Level::Manage);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[
        &error::EMPTY,
        &crate::app::NOT_FOUND,
        &crate::app::STALE_VERSION,
        &LAST_ADMINISTRATOR,
        &error::NOT_AN_ID,
    ];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_UNIT, GIVEN_ROLE, GIVEN_USER],
        input: r#"{"id": "${user.id}", "version": 1, "name": "王芳芳", "roles": [], "active": false}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<User> {
        let name = required("name", &self.name)?;
        let before = cx.get_at(self.id, self.version)?;
        check_membership(cx, self.unit, &self.roles)?;
        cx.subject(before.id);
        let mut after = before.clone();
        after.name = name;
        after.unit = self.unit;
        after.roles = Json(self.roles);
        after.active = self.active;
        let user = cx.update(&before, after)?;
        let administrators = cx.query::<Role>().equal(Role::C.everything, true).fetch(cx.tx())?;
        let users = cx.query::<User>().equal(User::C.active, true).fetch(cx.tx())?;
        let remains = |user: &User| administrators.iter().any(|role| user.roles.0.contains(&role.id));
        if !users.iter().any(remains) {
            return Err(Error::new(&LAST_ADMINISTRATOR));
        }
        touch_rights(cx)?;
        Ok(user)
    }
}

/// Reads a user.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetUser {
    /// The user.
    pub id: Id<User>,
}

impl Operation for GetUser {
    type Output = User;
    const NAME: &'static str = "user.get";
    const ZH: &'static str = "查看用户";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&crate::app::NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"id": "${admin}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<User> {
        cx.get(self.id)
    }
}

/// Lists users.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct ListUsers(pub ListRequest);

impl Operation for ListUsers {
    type Output = Page<User>;
    const NAME: &'static str = "user.list";
    const ZH: &'static str = "用户列表";
    const ACCESS: Access = Access::Everyone;
    const MODE: Mode = Mode::Read;
    const ERRORS: &'static [Code] = &[&error::UNKNOWN_FIELD, &error::OUT_OF_RANGE];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"filter": {"equal": ["active", true]}}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<Page<User>> {
        cx.list(&super::USERS, &self.0)
    }
}

/// Fails unless the caller reaches the record at this level: nobody opens to anybody what is closed to themselves.
fn check_reach(cx: &mut Cx<'_>, record: Uuid, level: Level) -> Result<()> {
    match cx.reach_of(record).map_err(|error| error.at("record"))? {
        Some(Reach::At(reached)) if reached >= level => Ok(()),
        Some(Reach::At(_)) => {
            Err(Error::new(&crate::app::DENIED).at("record").with("needed", format!("record:{level}")))
        }
        Some(Reach::Hidden) | None => {
            Err(Error::new(&crate::app::NOT_FOUND).at("record").with("kind", "record").with("id", record))
        }
    }
}

/// Lets a user reach one record beyond the scope of their roles, as far as the caller reaches it at most.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCollaborator {
    /// The record: a customer, an opportunity, a contract.
    pub record: Uuid,
    /// The user.
    pub user: Id<User>,
    /// How far.
    pub level: Level,
}

impl Operation for AddCollaborator {
    type Output = Collaborator;
    const NAME: &'static str = "collaborator.add";
    const ZH: &'static str = "添加协作人";
    const ACCESS: Access = Access::Level("access", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&crate::app::NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example {
        given: &[GIVEN_UNIT, GIVEN_ROLE, GIVEN_USER, crate::areas::party::GIVEN_CUSTOMER],
        input: r#"{"record": "${customer.id}", "user": "${user.id}", "level": "read"}"#,
    };
    fn run(self, cx: &mut Cx<'_>) -> Result<Collaborator> {
        cx.get(self.user).map_err(|error| error.at("user"))?;
        check_reach(cx, self.record, self.level)?;
        let c = Collaborator::C;
        cx.subject(self.record);
        let after = Collaborator { record: self.record, user: self.user, level: self.level };
        let query = cx.query::<Collaborator>().equal(c.record, self.record).equal(c.user, self.user);
        match query.first(cx.tx())? {
            Some(before) => cx.replace(&before, &after)?,
            None => cx.insert(&after)?,
        }
        touch_rights(cx)?;
        Ok(after)
    }
}

/// Takes that back; the caller reaches the record as far as the collaborator does.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RemoveCollaborator {
    /// The record.
    pub record: Uuid,
    /// The user.
    pub user: Id<User>,
}

impl Operation for RemoveCollaborator {
    type Output = bool;
    const NAME: &'static str = "collaborator.remove";
    const ZH: &'static str = "移除协作人";
    const ACCESS: Access = Access::Level("access", Level::Edit);
    const MODE: Mode = Mode::Write;
    const ERRORS: &'static [Code] = &[&crate::app::NOT_FOUND, &error::NOT_AN_ID];
    const EXAMPLE: Example = Example { given: &[], input: r#"{"record": "${admin}", "user": "${admin}"}"# };
    fn run(self, cx: &mut Cx<'_>) -> Result<bool> {
        let c = Collaborator::C;
        cx.subject(self.record);
        let query = cx.query::<Collaborator>().equal(c.record, self.record).equal(c.user, self.user);
        let Some(found) = query.first(cx.tx())? else { return Ok(false) };
        check_reach(cx, self.record, found.level)?;
        cx.delete(&found)?;
        touch_rights(cx)?;
        Ok(true)
    }
}
