//! What every revision answers is noted each second, one file a day. What a crash can lose is what
//! came since the last note, and nothing is ever noted twice: a file is the sum so far, and replaced
//! as a whole.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use deploy_spec::usage::{UsageDay, Used, Whose};
use deploy_spec::{Fault, RuntimeDeployment, RuntimeRevision, Timestamp, document};
use meter::Meters;
use store::EnvironmentStore;

use crate::ambient;
use crate::plane::Plane;

/// How often it is noted.
const EACH: Duration = Duration::from_secs(1);
/// The folder of the notes.
const FOLDER: &str = "usage";

/// What is noted of one revision.
struct Followed {
    whose: Whose,
    meters: Arc<Meters>,
    /// What of it is in the days.
    noted: Used,
}

/// What is followed, and the days that are not written as they are.
#[derive(Default)]
pub(crate) struct Usage {
    /// By where its meter is, which stays there as long as we have it too.
    followed: HashMap<usize, Followed>,
    today: Option<UsageDay>,
    /// Those that could not be written yet.
    unwritten: BTreeMap<String, UsageDay>,
    /// Whether it was said that they cannot be.
    is_told: bool,
}

impl Usage {
    /// Notes from now on for whom a meter counts.
    pub(crate) fn follow(
        &mut self,
        deployment: &RuntimeDeployment,
        revision: &RuntimeRevision,
        meters: &Arc<Meters>,
    ) {
        let whose = Whose {
            customer_id: deployment.customer_id.clone(),
            bundle_id: deployment.bundle_id.clone(),
            deployment_id: deployment.deployment_id,
            revision_id: revision.revision_id,
        };
        let entry = self.followed.entry(Arc::as_ptr(meters).addr());
        let begun =
            || Followed { whose: whose.clone(), meters: meters.clone(), noted: Used::default() };
        entry.or_insert_with(begun).whose = whose.clone();
    }

    /// Notes what came since the last time.
    fn note(&mut self, store: &EnvironmentStore, now: Timestamp) -> Result<(), Fault> {
        let day = now.strftime("%Y-%m-%d").to_string();
        let mut today = match (self.today.take(), self.unwritten.get(&day)) {
            (Some(today), _) if today.day == day => today,
            // The clock was put back to a day that still has to be written.
            (_, Some(today)) => today.clone(),
            _ => known(store, &day)?.unwrap_or_else(|| UsageDay::new(day.clone())),
        };
        let mut is_new = false;
        // Nobody but us has the meter of what is gone, so no more comes to it.
        let gone = |followed: &Followed| Arc::strong_count(&followed.meters) == 1;
        let gone: Vec<usize> = self
            .followed
            .iter()
            .filter(|(_, followed)| gone(followed))
            .map(|(at, _)| *at)
            .collect();
        for followed in self.followed.values_mut() {
            let counts = followed.meters.counts();
            let (requests, errors) = (counts.requests(), counts.errors());
            let used = Used { requests, errors, time_us: counts.sum_us };
            let more = used.since(followed.noted);
            if more.requests > 0 {
                today.add(&followed.whose, more);
                followed.noted = followed.noted.and(more);
                is_new = true;
            }
        }
        for at in gone {
            self.followed.remove(&at);
        }
        if is_new {
            self.unwritten.insert(day, today.clone());
        }
        self.today = Some(today);
        while let Some(entry) = self.unwritten.first_entry() {
            let text = document::to_line(entry.get());
            store.replace_private_file(&format!("{FOLDER}/{}.json", entry.key()), &text)?;
            entry.remove();
        }
        Ok(())
    }
}

impl Plane {
    /// Notes what was answered since the last time.
    pub fn note_usage(&self, store: &EnvironmentStore) {
        let mut usage = self.usage().lock().unwrap_or_else(PoisonError::into_inner);
        let noted = usage.note(store, ambient::now());
        match noted {
            Err(fault) if !usage.is_told => {
                tracing::error!(%fault, "what was used cannot be noted; it is tried again");
                usage.is_told = true;
            }
            Err(_) => {}
            Ok(()) => usage.is_told = false,
        }
    }
}

/// Notes what is answered as long as the data plane lives.
///
/// # Errors
/// When there is no thread for it.
pub(crate) fn keep_noting(plane: &Arc<Plane>, store: &EnvironmentStore) -> Result<(), Fault> {
    let (plane, store) = (Arc::downgrade(plane), store.clone());
    let note = move || {
        loop {
            std::thread::park_timeout(EACH);
            let Some(plane) = plane.upgrade() else { return };
            plane.note_usage(&store);
        }
    };
    let spawned = std::thread::Builder::new().name("usage".into()).spawn(note);
    spawned.map(drop).map_err(|error| Fault::unavailable(format!("no thread for usage: {error}")))
}

/// What was noted of a day; none if nothing was.
fn known(store: &EnvironmentStore, day: &str) -> Result<Option<UsageDay>, Fault> {
    let path = store.folder().join(FOLDER).join(format!("{day}.json"));
    let text = match std::fs::read(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            let why = format!("reading `{}` failed: {error}", path.display());
            return Err(Fault::unavailable(why));
        }
    };
    let altered = |why: &str| {
        Fault::unhealthy(format!("`{}` is not as it was written: {why}", path.display()))
            .hint("move it away; what is used is then noted anew")
    };
    let found: UsageDay =
        document::from_json(&text).map_err(|fault: Fault| altered(&fault.message))?;
    if found.day != day {
        return Err(altered(&format!("it is of {}", found.day)));
    }
    Ok(Some(found))
}

/// What was noted from one day to another, both included, as `YYYY-MM-DD`.
///
/// # Errors
/// `unavailable` when it cannot be read, `unhealthy` when somebody altered it.
pub fn used_days(
    store: &EnvironmentStore,
    first: &str,
    last: &str,
) -> Result<Vec<UsageDay>, Fault> {
    let folder = store.folder().join(FOLDER);
    let failed = |error: std::io::Error| {
        Fault::unavailable(format!("listing `{}` failed: {error}", folder.display()))
    };
    let entries = match std::fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed)?.file_name();
        let day = name.to_str().and_then(|name| name.strip_suffix(".json"));
        // What somebody moved aside has a longer name, and would count twice.
        let is_asked = |day: &&str| day.len() == first.len() && (first..=last).contains(day);
        names.extend(day.filter(is_asked).map(str::to_owned));
    }
    names.sort();
    let days = names.iter().map(|day| known(store, day).map(Option::into_iter));
    Ok(days.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}
