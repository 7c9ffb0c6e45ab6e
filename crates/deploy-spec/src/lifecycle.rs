//! The life of a revision: one enum, one edge table.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where a revision stands. `archived` is terminal.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Lifecycle {
    /// Known, with nothing prepared; where a drained revision rests.
    Inactive,
    /// Its bytes are here and pinned.
    Staged,
    /// Its gate is running.
    Warming,
    /// Every check of its gate was green: it may take traffic.
    Ready,
    /// It takes no new sessions; what is in flight finishes.
    Draining,
    /// A check said no; it can be staged again.
    Failed,
    /// Put away for good.
    Archived,
}

/// Every edge of the lifecycle; what is not here cannot happen.
pub const EDGES: [(Lifecycle, Lifecycle); 15] = {
    use Lifecycle::{Archived, Draining, Failed, Inactive, Ready, Staged, Warming};
    [
        (Inactive, Staged),
        (Inactive, Failed),
        (Inactive, Archived),
        (Staged, Warming),
        (Staged, Failed),
        (Staged, Archived),
        (Warming, Ready),
        (Warming, Failed),
        (Warming, Archived),
        (Ready, Draining),
        (Ready, Failed),
        (Ready, Archived),
        (Draining, Inactive),
        (Failed, Staged),
        (Failed, Archived),
    ]
};

impl Lifecycle {
    /// Every state, in the order of a life.
    pub const ALL: [Self; 7] = [
        Self::Inactive,
        Self::Staged,
        Self::Warming,
        Self::Ready,
        Self::Draining,
        Self::Failed,
        Self::Archived,
    ];

    /// The state after this one, when there is such an edge.
    ///
    /// # Errors
    /// The edge that was asked for and does not exist.
    pub fn to(self, next: Self) -> Result<Self, NoSuchEdge> {
        if EDGES.contains(&(self, next)) {
            Ok(next)
        } else {
            Err(NoSuchEdge { from: self, to: next })
        }
    }

    /// Whether requests may reach a revision in this state.
    #[must_use]
    pub const fn serves(self) -> bool {
        matches!(self, Self::Ready | Self::Draining)
    }

    /// Whether a revision in this state serves or is about to, so that what it needs must be there.
    #[must_use]
    pub const fn lives(self) -> bool {
        self.serves() || matches!(self, Self::Staged | Self::Warming)
    }

    /// The states that can follow this one.
    pub fn next(self) -> impl Iterator<Item = Self> {
        EDGES.into_iter().filter(move |(from, _)| *from == self).map(|(_, to)| to)
    }

    /// The name on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Inactive => "inactive",
            Self::Staged => "staged",
            Self::Warming => "warming",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::Failed => "failed",
            Self::Archived => "archived",
        }
    }
}

impl std::fmt::Display for Lifecycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.name())
    }
}

/// An edge that the lifecycle does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchEdge {
    /// Where the revision stands.
    pub from: Lifecycle,
    /// Where it was asked to go.
    pub to: Lifecycle,
}

impl std::fmt::Display for NoSuchEdge {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "a {} revision cannot become {}", self.from, self.to)
    }
}

impl std::error::Error for NoSuchEdge {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_matrix() {
        let mut matrix = String::new();
        for from in Lifecycle::ALL {
            let row: String =
                Lifecycle::ALL.map(|to| if from.to(to).is_ok() { "x " } else { ". " }).concat();
            matrix.push_str(&format!("{from:<9} {}\n", row.trim_end()));
        }
        insta::assert_snapshot!(matrix, @"
        inactive  . x . . . x x
        staged    . . x . . x x
        warming   . . . x . x x
        ready     . . . . x x x
        draining  x . . . . . .
        failed    . x . . . . x
        archived  . . . . . . .
        ");
    }

    #[test]
    fn names_are_what_serde_writes() {
        for state in Lifecycle::ALL {
            assert_eq!(serde_json::to_value(state).unwrap(), state.name());
        }
    }
}
