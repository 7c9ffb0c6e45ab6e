//! The crate from outside: texts for systemd, and plans on a machine that is a map.

mod machine;
mod properties;
mod story;
mod systemd;
mod world;
