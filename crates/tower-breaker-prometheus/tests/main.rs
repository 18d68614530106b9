//! What a scrape says, and what the dashboard and the alerts make of it.

#![allow(clippy::unwrap_used, reason = "what cannot be had here is a failure of the test")]

mod alertmanager;
mod cap;
mod page;
mod pages;
mod promtool;
mod rates;
mod rules;
mod scrape;
