//! An operator's commands: who may give them, which there are, and what they do.
//!
//! A command is looked at from outside in: method and path (the router), then [`guard`] with the page it came from and the
//! token, then the body, then the circuit. Whatever is refused has changed nothing, and a stranger without the token
//! learns nothing of the circuits from a refusal.

mod action;
mod body;
mod guard;
mod log;
mod token;

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Path, Request, State},
    response::{IntoResponse, Response},
};
use http::StatusCode;
use serde::Serialize;

pub(crate) use self::{action::Action, token::Token};
use crate::{
    json::{Json, One, VERSION},
    problem::Problem,
    query,
    sets::Sets,
};

/// What the commands work on.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) sets: Sets,
    pub(crate) token: Option<Token>,
}

/// `POST /circuits/{name}/ACTION`
pub(crate) async fn one(
    State(operator): State<Arc<Operator>>,
    Path(name): Path<String>,
    action: Action,
    request: Request,
) -> Response {
    let asked = async {
        let (query, body) = operator.open(request)?;
        let set = query::set(&query)?;
        let found = || operator.sets.find(&name, set.as_deref());
        // Asked before the body is waited for.
        found()?;
        let order = body::read(action, body).await?;
        let found = found()?;
        order.give(&found.circuit);
        Ok(One::new(found.set, found.circuit.snapshot()))
    };
    match asked.await {
        Ok(circuit) => {
            log::done(action, &name);
            Json(circuit).into_response()
        }
        Err(problem) => refused(action, &name, problem),
    }
}

/// `POST /circuits/ACTION`, of those that make sense for all circuits at once.
pub(crate) async fn all(State(operator): State<Arc<Operator>>, Path(name): Path<String>, request: Request) -> Response {
    let Some(action) = Action::of_all(&name) else {
        return guard::method_not_allowed();
    };
    let asked = async {
        let (query, body) = operator.open(request)?;
        let set = query::set(&query)?;
        let order = body::read(action, body).await?;
        let all = operator.sets.all(set.as_deref())?;
        all.iter().for_each(|found| order.give(&found.circuit));
        Ok(Count { version: VERSION, circuits: all.len() })
    };
    match asked.await {
        Ok(count) => {
            log::done(action, "all circuits");
            Json(count).into_response()
        }
        Err(problem) => refused(action, "all circuits", problem),
    }
}

/// `POST /operator`: whether the token is the right one. Changes nothing.
pub(crate) async fn check(State(operator): State<Arc<Operator>>, request: Request) -> Response {
    match operator.open(request) {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(problem) => {
            log::refused("check", "the token", problem);
            guard::refusal(problem)
        }
    }
}

/// How many circuits were told.
#[derive(Debug, Serialize)]
struct Count {
    version: u32,
    circuits: usize,
}

impl Operator {
    /// The query and the body of a request that may give commands.
    fn open(&self, request: Request) -> Result<(String, Body), Problem> {
        let (head, body) = request.into_parts();
        guard::admit(&head, self.token.as_ref())?;
        Ok((head.uri.query().unwrap_or_default().to_owned(), body))
    }
}

fn refused(action: Action, circuit: &str, problem: Problem) -> Response {
    log::refused(action.as_str(), circuit, problem);
    guard::refusal(problem)
}
