//! What a loaded bundle does with requests: real guests, real archives, one thread.

mod cache;
mod components;
mod egress;
mod example;
mod guests;
mod isolation;
mod limits;
mod loading;
mod printed;
mod site;
mod site_ranges;
mod streaming;
mod support;
