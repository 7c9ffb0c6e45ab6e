//! Names that are made, not chosen: ULIDs (<https://github.com/ulid/spec>), so that they sort by
//! the time they were made.

use ulid::Ulid;

use crate::text::shown;

macro_rules! ulid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Ulid);

        impl $name {
            /// The id made at `unix_ms` with 80 of the bits of `random`.
            #[must_use]
            pub const fn from_parts(unix_ms: u64, random: u128) -> Self {
                Self(Ulid::from_parts(unix_ms, random))
            }

            /// The 16 bytes of the id, big-endian.
            #[must_use]
            pub const fn to_bytes(self) -> [u8; 16] {
                self.0.0.to_be_bytes()
            }

            /// When it was made, in milliseconds since 1970.
            #[must_use]
            pub const fn unix_ms(self) -> u64 {
                self.0.timestamp_ms()
            }

            /// The id whose 16 bytes these are.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid(u128::from_be_bytes(bytes)))
            }
        }

        impl std::str::FromStr for $name {
            type Err = String;
            fn from_str(text: &str) -> Result<Self, String> {
                match Ulid::from_string(text) {
                    Ok(id) if id.array_to_str(&mut [0; ulid::ULID_LEN]) == text => Ok(Self(id)),
                    _ => Err(format!(
                        "{} is not an id: a ULID is 26 upper-case letters and digits",
                        shown(text)
                    )),
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.pad(self.0.array_to_str(&mut [0; ulid::ULID_LEN]))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.0.array_to_str(&mut [0; ulid::ULID_LEN]))
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }

        impl schemars::JsonSchema for $name {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({
                    "type": "string",
                    "pattern": "^[0-7][0-9A-HJKMNP-TV-Z]{25}$",
                    "examples": ["01ARZ3NDEKTSV4RRFFQ69G5FAV"],
                })
            }
        }
    };
}

ulid_id!(
    /// A deployment of a bundle in one environment.
    DeploymentId
);
ulid_id!(
    /// One immutable version of a deployment.
    RevisionId
);
ulid_id!(
    /// One line of the audit log.
    EventId
);
ulid_id!(
    /// One backup of an environment.
    BackupId
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_print_as_they_parse_and_sort_by_time() {
        let early = RevisionId::from_parts(1, u128::MAX);
        let late = RevisionId::from_parts(2, 0);
        assert!(early < late && early.to_string() < late.to_string());
        assert_eq!(early.to_string().parse::<RevisionId>().unwrap(), early);
        assert_eq!(RevisionId::from_bytes(early.to_bytes()), early);
        for bad in [
            "",
            "01ARZ3NDEKTSV4RRFFQ69G5FA",
            "01arz3ndektsv4rrffq69g5fav",
            "81ARZ3NDEKTSV4RRFFQ69G5FAV",
        ] {
            assert!(bad.parse::<RevisionId>().is_err(), "{bad}");
        }
    }
}
