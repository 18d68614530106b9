//! tower-breaker for axum: a key for each route, and the circuits as a [`Router`](axum::Router) of JSON and commands.

mod dashboard;
mod events;
mod json;
mod key;
mod operator;
mod problem;
mod query;
mod routes;
mod sets;

pub use self::{
    key::{MISSING, matched_path, method_and_matched_path},
    routes::CircuitRoutes,
};
