//! What a transaction does to one record.

use serde::Serialize;

use crate::record::{Key, Record};

/// One change of a transaction.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
#[expect(clippy::large_enum_variant, reason = "short-lived; a box would only add an allocation")]
pub enum Change {
    /// The record is now this.
    Put {
        /// Its name.
        key: Key,
        /// All of it.
        record: Record,
    },
    /// The record is gone.
    Delete {
        /// Its name.
        key: Key,
    },
}

impl Change {
    /// The record that changes.
    #[must_use]
    pub const fn key(&self) -> &Key {
        match self {
            Self::Put { key, .. } | Self::Delete { key } => key,
        }
    }
}
