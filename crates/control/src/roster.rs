//! Which deployments there are, in pages and counted: what makes a page of them cheap however many
//! there are.
//!
//! A page holds ids in order, and the pages follow each other in order; the root says how each
//! begins and how many it holds. Without deployments there is no root, nor where they are from before
//! there were roots: then their folder is listed, until the next deployment makes one.

use deploy_spec::{DeploymentId, Fault, schema_tag};
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::page::{Page, Rest};
use crate::record::{Key, Record};
use crate::view::{Lookup as _, View};

/// The most ids of a page.
const PAGE_MAX: usize = 128;

schema_tag!(
    /// `greentic.roster.v1`
    RosterSchema = "greentic.roster.v1"
);
schema_tag!(
    /// `greentic.roster-page.v1`
    RosterPageSchema = "greentic.roster-page.v1"
);

/// The root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roster {
    /// Which document this is.
    pub schema: RosterSchema,
    /// The pages, in the order of what they hold: at least one.
    pub pages: Vec<RosterEntry>,
    /// The number of the next page; none is used twice.
    pub next_page: u64,
}

/// What the root says of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterEntry {
    /// Its number.
    pub page: u64,
    /// Its first id.
    pub first: DeploymentId,
    /// How many ids it holds: at least one.
    pub count: usize,
}

/// A page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RosterPage {
    /// Which document this is.
    pub schema: RosterPageSchema,
    /// Its number.
    pub page: u64,
    /// The ids, in order.
    pub deployments: Vec<DeploymentId>,
}

impl Roster {
    fn count(&self) -> usize {
        self.pages.iter().map(|entry| entry.count).sum()
    }

    /// Which entry holds `id`, or would.
    fn place(&self, id: DeploymentId) -> usize {
        self.pages.partition_point(|entry| entry.first <= id).saturating_sub(1)
    }

    /// A new page of these ids, of which there are some, at this place.
    fn insert(&mut self, at: usize, deployments: Vec<DeploymentId>, draft: &mut Draft<'_>) {
        let Some(&first) = deployments.first() else { return };
        let page = self.next_page;
        self.next_page += 1;
        self.pages.insert(at, RosterEntry { page, first, count: deployments.len() });
        draft.put(Record::RosterPage(RosterPage { schema: RosterPageSchema, page, deployments }));
    }

    /// The entry's page is now this.
    fn replace(&mut self, at: usize, deployments: Vec<DeploymentId>, draft: &mut Draft<'_>) {
        let Some(entry) = self.pages.get_mut(at) else { return };
        let page = entry.page;
        match deployments.first() {
            Some(&first) => {
                (entry.first, entry.count) = (first, deployments.len());
                draft.put(Record::RosterPage(RosterPage {
                    schema: RosterPageSchema,
                    page,
                    deployments,
                }));
            }
            None => {
                self.pages.remove(at);
                draft.delete(Key::RosterPage(page));
            }
        }
    }
}

/// A deployment is there that was not.
pub(crate) fn add(id: DeploymentId, draft: &mut Draft<'_>) -> Result<(), Fault> {
    let view = draft.view();
    let Some(mut roster) = view.roster()? else {
        let mut all = view.deployment_ids()?;
        all.insert(all.partition_point(|other| *other < id), id);
        let mut roster = Roster::default();
        for page in all.chunks(PAGE_MAX) {
            roster.insert(roster.pages.len(), page.to_vec(), draft);
        }
        draft.put(Record::Roster(roster));
        return Ok(());
    };
    let at = roster.place(id);
    let Some(entry) = roster.pages.get(at) else {
        return Err(Fault::unavailable("the list of deployments has no pages"));
    };
    let mut ids = held(view, entry)?;
    let place = ids.partition_point(|other| *other < id);
    if ids.get(place) == Some(&id) {
        return Ok(());
    }
    let is_newest = at + 1 >= roster.pages.len() && place == ids.len();
    ids.insert(place, id);
    if ids.len() <= PAGE_MAX {
        roster.replace(at, ids, draft);
    } else {
        // New ones come last: a full page stays full, and what is behind it begins a new one.
        let behind = ids.split_off(if is_newest { PAGE_MAX } else { ids.len() / 2 });
        if !is_newest {
            roster.replace(at, ids, draft);
        }
        roster.insert(at + 1, behind, draft);
    }
    draft.put(Record::Roster(roster));
    Ok(())
}

/// A deployment is not there any more.
pub(crate) fn remove(id: DeploymentId, draft: &mut Draft<'_>) -> Result<(), Fault> {
    let view = draft.view();
    let Some(mut roster) = view.roster()? else { return Ok(()) };
    let at = roster.place(id);
    let Some(entry) = roster.pages.get(at) else { return Ok(()) };
    let mut ids = held(view, entry)?;
    ids.retain(|other| *other != id);
    roster.replace(at, ids, draft);
    if roster.pages.is_empty() {
        draft.delete(Key::Roster);
    } else {
        draft.put(Record::Roster(roster));
    }
    Ok(())
}

/// How many deployments there are.
pub(crate) fn count(view: &dyn View) -> Result<usize, Fault> {
    match view.roster()? {
        Some(roster) => Ok(roster.count()),
        None => Ok(view.deployment_ids()?.len()),
    }
}

/// The ids of one page of the deployments, oldest first, and what lies beyond it.
pub(crate) fn page(view: &dyn View, page: Page) -> Result<(Vec<DeploymentId>, Rest), Fault> {
    let Some(roster) = view.roster()? else { return Ok(page.of(view.deployment_ids()?)) };
    let from = page.after.map_or(0, |after| roster.place(after));
    // One more says whether anything lies beyond.
    let wanted = page.limit.saturating_add(1);
    let mut ids = Vec::new();
    for entry in roster.pages.iter().skip(from) {
        let found = held(view, entry)?;
        ids.extend(found.into_iter().filter(|id| page.after.is_none_or(|after| *id > after)));
        if ids.len() >= wanted {
            break;
        }
    }
    let (ids, rest) = page.of(ids);
    Ok((ids, Rest { count: roster.count(), ..rest }))
}

fn held(view: &dyn View, entry: &RosterEntry) -> Result<Vec<DeploymentId>, Fault> {
    let page = view.roster_page(entry.page)?;
    let page = page.filter(|page| page.deployments.len() == entry.count);
    page.map(|page| page.deployments).ok_or_else(|| {
        let number = entry.page;
        Fault::unavailable(format!("page {number} of the list of deployments is not what it was"))
            .hint("gtc op backups restore; gtc op backups list shows what there is")
    })
}

/// Whether these are the root and all pages of exactly these deployments, which are in order.
pub(crate) fn is_of<'a>(
    roster: &Roster,
    mut page: impl FnMut(u64) -> Option<&'a RosterPage>,
    deployments: impl Iterator<Item = DeploymentId>,
) -> bool {
    let agrees = |entry: &RosterEntry, held: &RosterPage| {
        held.deployments.first() == Some(&entry.first) && held.deployments.len() == entry.count
    };
    let held = roster.pages.iter().map(|entry| page(entry.page).filter(|held| agrees(entry, held)));
    let Some(held) = held.collect::<Option<Vec<_>>>() else { return false };
    held.iter().flat_map(|page| page.deployments.iter().copied()).eq(deployments)
}
