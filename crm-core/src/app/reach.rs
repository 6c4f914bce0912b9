//! Which rows a user sees, and how far along references.
//!
//! What a dataset declares, it shows to everybody who may read it. Any other path along references shows no more than its
//! reader could look up where it leads: it needs the level `read` in the area of every table that it leads into, and rows
//! whose record there is beyond the reader's data scope are not found. So nothing is refused or left out for users who
//! see all, and a query costs them nothing more.

use crate::app::DENIED;
use crate::areas::access::Actor;
use crate::catalog::{Catalog, Level};
use crate::kernel::error::{Error, Result};
use crate::kernel::id::IdCodec;
use crate::store::cell::Cell;
use crate::store::dataset::{Binder, PathGuard, ScopePaths};
use crate::store::plan::Pred;

/// The user who reads, as a guard of paths.
pub(crate) struct Reader<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) catalog: &'a Catalog,
    pub(crate) ids: IdCodec,
}

impl Reader<'_> {
    fn scope_of(&self, table: &str) -> Option<ScopePaths> {
        let scoped = self.catalog.datasets().filter_map(|dataset| Some(((dataset.table)(), dataset.scope?)));
        scoped.into_iter().find(|(scoped, _)| scoped.name == table).map(|(_, scope)| scope)
    }

    fn require_area(&self, table: &str) -> Result<()> {
        let needed = self.catalog.read_access(table);
        if self.actor.allows(needed) {
            return Ok(());
        }
        Err(Error::new(&DENIED).with("needed", needed))
    }
}

impl PathGuard for Reader<'_> {
    fn follow(&self, binder: &mut Binder<'_>, source: usize, is_scoped: bool) -> Result<()> {
        let table = binder.select.table(source).name;
        self.require_area(table)?;
        if is_scoped || self.actor.visible_units().is_none() {
            return Ok(());
        }
        if let Some(paths) = self.scope_of(table) {
            let reached = scope(self.actor, self.ids, binder, source, paths, Level::Read)?;
            let from = binder.select.joins[source - 1].from;
            binder.filter(reached.or(Pred::IsNull(from)));
        }
        Ok(())
    }
}

/// The author of something that others will read through, such as a rule: what it names is shown to them, so nobody names
/// what may be hidden from its author.
pub(crate) struct Author<'a>(pub(crate) Reader<'a>);

impl PathGuard for Author<'_> {
    fn follow(&self, binder: &mut Binder<'_>, source: usize, is_scoped: bool) -> Result<()> {
        let (reader, table) = (&self.0, binder.select.table(source).name);
        reader.require_area(table)?;
        if is_scoped || reader.actor.visible_units().is_none() || reader.scope_of(table).is_none() {
            return Ok(());
        }
        Err(Error::new(&DENIED).with("needed", "scope:all"))
    }
}

/// Which records of a table the user reaches at this level, the table being this source of the query.
pub(crate) fn scope(
    actor: &Actor,
    ids: IdCodec,
    binder: &mut Binder<'_>,
    source: usize,
    paths: ScopePaths,
    level: Level,
) -> Result<Pred> {
    let Some(units) = actor.visible_units() else { return Ok(Pred::True) };
    let keys = |uuids: &mut dyn Iterator<Item = uuid::Uuid>| -> Result<Vec<Cell>> {
        uuids.map(|uuid| ids.key(uuid).map(Cell::Int)).collect()
    };
    let owner = binder.declared(source, paths.owner)?.column;
    let mut visible = Pred::equal(owner, Cell::Int(ids.key(actor.user.id.uuid())?));
    if !units.is_empty() {
        let unit = binder.declared(source, paths.unit)?.column;
        visible = visible.or(Pred::In(unit, keys(&mut units.iter().map(|unit| unit.uuid()))?));
    }
    let mut granted = actor.collaborations.iter().filter(|(_, granted)| **granted >= level).peekable();
    if granted.peek().is_some() {
        let record = binder.declared(source, paths.record)?.column;
        visible = visible.or(Pred::In(record, keys(&mut granted.map(|(record, _)| *record))?));
    }
    if let Some(otherwise) = paths.otherwise {
        let record = binder.declared(source, paths.record)?.column;
        let others = scope(actor, ids, binder, source, *otherwise, level)?;
        visible = visible.or(Pred::IsNull(record).and(others));
    }
    Ok(visible)
}
