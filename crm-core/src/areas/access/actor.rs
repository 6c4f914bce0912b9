//! A user with everything that decides what they may do, joined from roles, units and collaborations.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use uuid::Uuid;

use super::model::{Collaborator, DataScope, OrgUnit, RightsStamp, Role, User};
use crate::app::{Cx, DENIED, NOT_FOUND, about_kind};
use crate::catalog::{Access, Level};
use crate::kernel::error::{Error, Result};
use crate::kernel::id::{Id, IdCodec};
use crate::store::cell::{Cell, Row};
use crate::store::dataset::Binder;
use crate::store::engine::{Flow, Mode, Store, Tx};
use crate::store::plan::{Output, Pred};
use crate::store::query::Query;
use crate::store::record::{Entity, Field, Record};

/// A user and what they may do.
#[derive(Debug, Clone)]
pub struct Actor {
    /// The user.
    pub user: User,
    /// The change of rights this was read at.
    pub stamp: i64,
    /// Single records reached as collaborator.
    pub collaborations: HashMap<Uuid, Level>,
    everything: bool,
    levels: BTreeMap<String, Level>,
    permissions: BTreeSet<String>,
    /// Units in scope; none for all.
    units: Option<Vec<Id<OrgUnit>>>,
}

/// A record with an owner and the owner's org unit.
pub trait Owned: Entity {
    /// The user responsible; none for a record in the pool.
    fn owner(&self) -> Option<Id<User>>;
    /// The owner's org unit.
    fn unit(&self) -> Option<Id<OrgUnit>>;
}

impl Actor {
    /// Whether the roles allow this.
    pub fn allows(&self, access: Access) -> bool {
        self.everything
            || match access {
                Access::Everyone => true,
                Access::Level(area, level) => self.levels.get(area).is_some_and(|granted| *granted >= level),
                Access::Permission(name) => self.permissions.contains(name),
            }
    }

    /// The units whose records are visible; `None` when all records are.
    pub fn visible_units(&self) -> Option<&[Id<OrgUnit>]> {
        self.units.as_deref()
    }

    /// How far the user reaches a record: by scope as far as the roles go, as collaborator as far as granted.
    fn reach(&self, record: Uuid, owner: Option<Id<User>>, unit: Option<Id<OrgUnit>>) -> Option<Level> {
        let is_granted = || self.collaborations.get(&record).copied();
        if self.has_in_scope(owner, unit) { Some(Level::Manage) } else { is_granted() }
    }

    /// Whether the roles reach records of this owner in this unit.
    pub(crate) fn has_in_scope(&self, owner: Option<Id<User>>, unit: Option<Id<OrgUnit>>) -> bool {
        match &self.units {
            None => true,
            Some(units) => owner == Some(self.user.id) || unit.is_some_and(|unit| units.contains(&unit)),
        }
    }
}

impl Cx<'_> {
    /// A record that the user may reach at this level.
    ///
    /// # Errors
    /// `NOT_FOUND` when it is not there or out of scope, `DENIED` when a collaborator may only see it; of the engine.
    pub fn get_owned<E: Owned>(&mut self, id: Id<E>, level: Level) -> Result<E> {
        let record = self.get(id)?;
        self.require_reach(&record, level)?;
        Ok(record)
    }

    /// As [`Cx::get_owned`], at the version that the caller has read.
    ///
    /// # Errors
    /// As [`Cx::get_owned`]; `STALE_VERSION`.
    pub fn get_owned_at<E: Owned>(&mut self, id: Id<E>, version: u32, level: Level) -> Result<E> {
        self.get_owned(id, level)?;
        self.get_at(id, version).map_err(|error| error.at("version"))
    }

    /// Fails unless the user reaches this record at this level.
    ///
    /// # Errors
    /// As [`Cx::get_owned`].
    pub fn require_reach<E: Owned>(&self, record: &E, level: Level) -> Result<()> {
        match self.actor().reach(record.id().uuid(), record.owner(), record.unit()) {
            Some(granted) if granted >= level => Ok(()),
            Some(_) => Err(Error::new(&DENIED).with("needed", format!("{}:{level}", E::NAME))),
            None => Err(about_kind(Error::new(&NOT_FOUND), E::NAME).with("id", record.id())),
        }
    }

    /// How far the user reaches a record whose kind is not known; none for what has no owner or is not there.
    ///
    /// # Errors
    /// `NOT_AN_ID`; of the engine.
    pub(crate) fn reach_of(&mut self, record: Uuid) -> Result<Option<Reach>> {
        let (catalog, ids) = (self.catalog(), self.ids());
        let key = Cell::Int(ids.key(record)?);
        for dataset in catalog.datasets() {
            let Some(paths) = dataset.scope.filter(|paths| paths.record == "id") else { continue };
            let mut binder = Binder::new(catalog.schema(), dataset);
            let id = binder.resolve(paths.record)?.column;
            let owner = binder.resolve(paths.owner)?.column;
            let unit = binder.resolve(paths.unit)?.column;
            binder.select.outputs = vec![Output::Column(owner), Output::Column(unit)];
            binder.filter(Pred::equal(id, key.clone()));
            let mut found = None;
            self.tx().select(&binder.select, &mut |cells| {
                if let [owner, unit] = cells {
                    found = Some((Option::decode(*owner, ids)?, Option::decode(*unit, ids)?));
                }
                Ok(Flow::Stop)
            })?;
            if let Some((owner, unit)) = found {
                let level = self.actor().reach(record, owner, unit);
                return Ok(Some(level.map_or(Reach::Hidden, Reach::At)));
            }
        }
        Ok(None)
    }
}

/// How far a user reaches a record that has an owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Not at all: for them it is not there.
    Hidden,
    /// As far as this.
    At(Level),
}

/// Begins a transaction together with the number of changes of rights so far, which every unit of work looks at first.
///
/// # Errors
/// Of the engine.
pub fn begin_with_stamp(store: &dyn Store, mode: Mode) -> Result<(Box<dyn Tx>, i64)> {
    let (tx, row) = store.begin_with(mode, RightsStamp::table(), &STAMP_KEY)?;
    Ok((tx, stamp_in(row)))
}

/// The number of changes of rights so far.
///
/// # Errors
/// Of the engine.
pub fn rights_stamp(tx: &mut dyn Tx) -> Result<i64> {
    Ok(stamp_in(tx.get(RightsStamp::table(), &STAMP_KEY)?))
}

const STAMP_KEY: [Cell; 1] = [Cell::Int(1)];

fn stamp_in(row: Option<Row>) -> i64 {
    match row.as_deref() {
        Some([_, Cell::Int(stamp)]) => *stamp,
        _ => 0,
    }
}

/// The active user with this login.
///
/// # Errors
/// Of the engine.
pub fn load_actor(tx: &mut dyn Tx, ids: IdCodec, login: &str, stamp: i64) -> Result<Option<Actor>> {
    let found = Query::<User>::new(ids).equal(User::C.login, login.to_owned()).first(tx)?;
    let Some(user) = found.filter(|user| user.active) else { return Ok(None) };
    let roles = Query::<Role>::new(ids).any_of(Role::C.id, user.roles.0.iter().copied()).fetch(tx)?;
    let collaborations = Query::<Collaborator>::new(ids).equal(Collaborator::C.user, user.id).fetch(tx)?;
    let roles: Vec<&Role> = roles.iter().collect();
    let mut actor = of_roles(user, &roles, stamp);
    actor.collaborations = collaborations.into_iter().map(|row| (row.record, row.level)).collect();
    actor.units = match reached(&actor.user, &roles) {
        Reached::All => None,
        Reached::Units(units) => Some(units),
        Reached::Below(unit) => Some(subtree(&Query::<OrgUnit>::new(ids).fetch(tx)?, unit)),
    };
    Ok(Some(actor))
}

/// Of these users those who are active, without the single records that they reach as collaborators: who could see a record
/// is asked of all at once, and collaborators are looked up for the records at hand. `units` are all there are.
///
/// # Errors
/// Of the engine.
pub(crate) fn load_actors(
    tx: &mut dyn Tx,
    ids: IdCodec,
    users: &[User],
    units: &[OrgUnit],
    stamp: i64,
) -> Result<Vec<Actor>> {
    let roles = Query::<Role>::new(ids).fetch(tx)?;
    let mut below: BTreeMap<Id<OrgUnit>, Vec<Id<OrgUnit>>> = BTreeMap::new();
    let mut actors = Vec::with_capacity(users.len());
    for user in users.iter().filter(|user| user.active) {
        let roles: Vec<&Role> = roles.iter().filter(|role| user.roles.0.contains(&role.id)).collect();
        let mut actor = of_roles(user.clone(), &roles, stamp);
        actor.units = match reached(&actor.user, &roles) {
            Reached::All => None,
            Reached::Units(units) => Some(units),
            Reached::Below(unit) => Some(below.entry(unit).or_insert_with(|| subtree(units, unit)).clone()),
        };
        actors.push(actor);
    }
    Ok(actors)
}

/// What the roles of a user grant together, but for whose records they reach.
fn of_roles(user: User, roles: &[&Role], stamp: i64) -> Actor {
    let mut actor = Actor {
        stamp,
        collaborations: HashMap::new(),
        everything: roles.iter().any(|role| role.everything),
        levels: BTreeMap::new(),
        permissions: roles.iter().flat_map(|role| role.permissions.0.iter().cloned()).collect(),
        units: Some(Vec::new()),
        user,
    };
    for (area, level) in roles.iter().flat_map(|role| &role.levels.0) {
        let granted = actor.levels.entry(area.clone()).or_insert(*level);
        *granted = (*granted).max(*level);
    }
    actor
}

/// Whose records the roles of a user reach beside their own.
enum Reached {
    /// Everybody's.
    All,
    /// Those of these units.
    Units(Vec<Id<OrgUnit>>),
    /// Those of this unit and of all units below it.
    Below(Id<OrgUnit>),
}

fn reached(user: &User, roles: &[&Role]) -> Reached {
    let scope = roles.iter().map(|role| role.scope).max().unwrap_or_default();
    match (scope, user.unit) {
        (DataScope::All, _) => Reached::All,
        (DataScope::Own, _) | (_, None) => Reached::Units(Vec::new()),
        (DataScope::Unit, Some(unit)) => Reached::Units(vec![unit]),
        (DataScope::Subtree, Some(unit)) => Reached::Below(unit),
    }
}

/// A unit and all units below it.
fn subtree(units: &[OrgUnit], root: Id<OrgUnit>) -> Vec<Id<OrgUnit>> {
    let mut found = vec![root];
    let mut at = 0;
    while at < found.len() {
        let parent = found[at];
        found.extend(units.iter().filter(|unit| unit.parent == Some(parent)).map(|unit| unit.id));
        at += 1;
    }
    found
}
