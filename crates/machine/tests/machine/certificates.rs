//! Certificates, as the description gives them.
