//! `gtc op env-packs`: what an environment is bound to.

mod list;

pub use list::{BindingShown, BindingsShown, list};
