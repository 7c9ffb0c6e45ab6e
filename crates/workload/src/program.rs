//! A program as a pack: started with the bundle, and proxied to.

mod body;
mod pack;
mod printed;
mod variables;

pub(crate) use body::ProgramBody;
pub(crate) use pack::ProgramPack;
