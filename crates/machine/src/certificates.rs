//! Certificates of the admin endpoint: given ones are checked, others are made, and those that were
//! made are read again.

mod checked;
mod generated;
mod given;
mod make;

pub(crate) use checked::{not_after, read_chain, read_key};
pub(crate) use generated::generated;
pub(crate) use given::given;
pub(crate) use make::{AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE, Made, make};

#[cfg(test)]
mod tests;
