//! Which deployments there are, in pages and counted: what makes a page of them cheap however many
//! there are.
//!
//! A page holds ids in order, and the pages follow each other in order; the root says how each
//! begins and how many it holds. Without deployments there is no root, nor where they are from before
//! there were roots, nor where a page is lost: then their folder is listed, until the next change of
//! what is there makes a new list.

use deploy_spec::{DeploymentId, Fault, schema_tag};
use serde::{Deserialize, Serialize};

use crate::draft::Draft;
use crate::page::{Page, Rest};
use crate::record::{Folder, Key, Record};
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
    let Some((mut roster, at, mut ids)) = found(draft.view(), id)? else {
        return rebuild(draft, |all| {
            if let Err(place) = all.binary_search(&id) {
                all.insert(place, id);
            }
        });
    };
    let Err(place) = ids.binary_search(&id) else { return Ok(()) };
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
    let Some((mut roster, at, mut ids)) = found(draft.view(), id)? else {
        return rebuild(draft, |all| all.retain(|other| *other != id));
    };
    ids.retain(|other| *other != id);
    roster.replace(at, ids, draft);
    if roster.pages.is_empty() {
        draft.delete(Key::Roster);
    } else {
        draft.put(Record::Roster(roster));
    }
    Ok(())
}

/// The root, the entry whose page holds `id` or would, and that page; none where there is no list
/// that can be gone on with.
fn found(
    view: &dyn View,
    id: DeploymentId,
) -> Result<Option<(Roster, usize, Vec<DeploymentId>)>, Fault> {
    let Some(roster) = view.roster()? else { return Ok(None) };
    let at = roster.place(id);
    let Some(entry) = roster.pages.get(at) else { return Ok(None) };
    let held = held(view, entry)?;
    Ok(held.map(|ids| (roster, at, ids)))
}

/// A list of what the folder holds, changed by `change`, in place of whatever there is.
fn rebuild(
    draft: &mut Draft<'_>,
    change: impl FnOnce(&mut Vec<DeploymentId>),
) -> Result<(), Fault> {
    let view = draft.view();
    let mut all = view.deployment_ids()?;
    change(&mut all);
    let mut roster = Roster::default();
    for old in view.list(&Folder::RosterPages)? {
        let Ok(page) = old.parse::<u64>() else { continue };
        draft.delete(Key::RosterPage(page));
        roster.next_page = roster.next_page.max(page + 1);
    }
    for page in all.chunks(PAGE_MAX) {
        roster.insert(roster.pages.len(), page.to_vec(), draft);
    }
    if !roster.pages.is_empty() {
        draft.put(Record::Roster(roster));
    } else if view.roster()?.is_some() {
        draft.delete(Key::Roster);
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
        let Some(found) = held(view, entry)? else { return Ok(page.of(view.deployment_ids()?)) };
        ids.extend(found.into_iter().filter(|id| page.after.is_none_or(|after| *id > after)));
        if ids.len() >= wanted {
            break;
        }
    }
    let (ids, rest) = page.of(ids);
    Ok((ids, Rest { count: roster.count(), ..rest }))
}

/// The ids of a page; none when it is not what the root says, and the folder has to be asked.
fn held(view: &dyn View, entry: &RosterEntry) -> Result<Option<Vec<DeploymentId>>, Fault> {
    let page = view.roster_page(entry.page)?.map(|page| page.deployments);
    Ok(page.filter(|ids| ids.len() == entry.count && ids.first() == Some(&entry.first)))
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
