//! gtc
