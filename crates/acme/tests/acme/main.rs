//! A keeper and authorities that nobody should trust. How it gets on with a real one is tried with
//! `gtc start` itself.
#![expect(clippy::unwrap_used, reason = "what fails here is the test")]

mod authority;
mod hostile;
