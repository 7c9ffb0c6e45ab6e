//! What is left for the others when one revision is given a share.

use std::cmp::Reverse;

use deploy_spec::{Bps, DeploymentRecord, Fault, RevisionId, WHOLE};

use crate::view::{Lookup as _, View};

/// One of the others: what `r1` means, and its share.
pub type OtherShare = (u64, Bps);

/// The shares of the revisions that serve now, besides `except`, when that one is given `share`:
/// the smaller ones keep what they have as far as it goes, and the largest has what is left. So
/// raising a canary takes from the stable revision, and lowering it gives back there.
///
/// # Errors
/// `refused` when nobody else serves and `share` is not everything; or when the records cannot be
/// read.
pub fn others_of(
    view: &dyn View,
    record: &DeploymentRecord,
    except: Option<RevisionId>,
    share: Bps,
) -> Result<Vec<OtherShare>, Fault> {
    let mut now = Vec::new();
    let allocation = record.split.as_ref().and_then(|split| split.allocation.as_ref());
    let entries = allocation.map_or(&[][..], |allocation| allocation.entries.entries());
    for weight in entries.iter().filter(|weight| Some(weight.revision_id) != except) {
        let found = view.revision(record.deployment.deployment_id, weight.revision_id)?;
        if let Some(found) = found.filter(|_| weight.weight_bps.get() > 0) {
            now.push((found.sequence, weight.weight_bps.get()));
        }
    }
    now.sort_by_key(|(_, bps)| Reverse(*bps));
    let mut rest = WHOLE - share.get();
    if rest > 0 && now.is_empty() {
        return Err(Fault::refused(format!(
            "{share} percent cannot be given to one revision: no other one serves the rest"
        ))
        .hint("gtc op traffic show"));
    }
    let mut others = Vec::new();
    for (i, (sequence, bps)) in now.into_iter().enumerate().rev() {
        let kept = if i == 0 { rest } else { rest.min(bps) };
        rest -= kept;
        let kept = Bps::new(kept).map_err(Fault::internal)?;
        if kept.get() > 0 {
            others.push((sequence, kept));
        }
    }
    others.reverse();
    Ok(others)
}
