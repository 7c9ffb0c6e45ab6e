//! Certificates of the admin endpoint: given ones are checked, others are made, and those that were
//! made are read again.

mod checked;
#[cfg(unix)]
mod generated;
mod given;
#[cfg(unix)]
mod make;

#[cfg(unix)]
pub(crate) use checked::{read_chain, read_key};
#[cfg(unix)]
pub(crate) use generated::{generated, not_after};
pub(crate) use given::given;
#[cfg(unix)]
pub(crate) use make::{AUTHORITY_FILE, CERTIFICATE_FILE, KEY_FILE, Made, make};

#[cfg(test)]
mod tests;
