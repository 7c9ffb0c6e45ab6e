//! Which revision answers this request.
//!
//! Pure: a [`Table`] and what is known of a request go in, a [`Choice`] comes out. Sockets,
//! clocks and random bits are the caller's. A table never changes; a new one shares with the old
//! one whatever did not change.

mod choose;
mod cookie;
mod deployment;
mod explain;
mod pin;
mod preview;
mod route;
mod seal;
mod session;
mod table;

pub use choose::{Ask, Choice, NoChoice, choose};
pub use cookie::{BadCookie, LIFETIME_S, Scope, Sticky, cookies};
pub use deploy_spec::Why;
pub use deployment::{Deployment, Live};
pub use explain::{Explanation, explain};
pub use pin::{Pin, PinName};
pub use preview::Preview;
pub use route::Asked;
pub use seal::CookieKeys;
pub use session::{SessionId, slot_of};
pub use table::{Matched, Table};
