//! Tests of the crate as a whole: trees on disk in, archives out, and archives that lie.

mod differential;
pub(crate) mod fixture;
mod hostile_squashfs;
mod hostile_zip;
mod limits;
pub(crate) mod mutation;
mod reproducible;
mod round_trip;
pub(crate) mod tools;
