//! Tests of the crate as a whole: trees on disk in, archives out, and archives that lie.

mod fixture;
mod round_trip;
