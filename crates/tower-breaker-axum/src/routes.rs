use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use axum::{
    Router,
    body::Body,
    extract::{Path, RawQuery, Request, State},
    middleware,
    response::Response,
    routing::{get, post},
};
use http::{HeaderMap, HeaderValue, header};
use tower_breaker_core::{Circuit, Circuits, InvalidConfig};

use crate::{
    dashboard,
    events::Hub,
    hosts::{self, Hosts},
    json::{self, Health, Json, One},
    operator::{self, Action, Operator, Token},
    problem::Problem,
    query,
    sets::Sets,
};

/// Which circuits are shown, and who may command them; becomes a [`Router`].
///
/// ```
/// use axum::Router;
/// use tower_breaker_axum::CircuitRoutes;
/// use tower_breaker_core::{CircuitBreakerConfig, Circuits, InvalidConfig};
///
/// # fn main() -> Result<(), InvalidConfig> {
/// let circuits = Circuits::new(CircuitBreakerConfig::default());
/// let mut routes = CircuitRoutes::new().circuits(circuits);
/// if let Ok(token) = std::env::var("OPERATOR_TOKEN") {
///     routes = routes.operator_token(&token)?;
/// }
/// let admin: Router = Router::new().nest("/circuit-breakers", routes.into_router());
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "it shows nothing until it is a router that is served"]
pub struct CircuitRoutes {
    sets: Sets,
    token: Option<Token>,
    hosts: Option<Hosts>,
    interval: Duration,
    listeners: usize,
    others: Router,
}

impl CircuitRoutes {
    /// No circuits yet, and nobody may command them.
    pub fn new() -> Self {
        let (sets, others) = (Sets::default(), Router::new());
        Self { sets, token: None, hosts: None, interval: Duration::from_secs(1), listeners: 100, others }
    }

    /// Shows a set, with its name as the label; circuits to come included. May be called more than once.
    ///
    /// Labels are how one set is told from another, on the page and in `?set=LABEL`: where a label is taken, the set added
    /// later gets the first that is free of `NAME-2`, `NAME-3` and so on. So it is with two middlewares that each made a
    /// set of their own and named it alike; a name of one's own (`Circuits::builder().name(..)`) says more. A set that is
    /// shown already is not shown again.
    pub fn circuits(mut self, circuits: Circuits) -> Self {
        self.sets.add(circuits);
        self
    }

    /// Shows a circuit that is in no set, with the label `single`. May be called more than once.
    ///
    /// One whose name another of these has, or where a set took that label first, gets `single-2` and so on. A circuit that
    /// is shown so already is not shown again.
    pub fn circuit(mut self, circuit: Circuit) -> Self {
        self.sets.add_single(circuit);
        self
    }

    /// Takes commands from whoever sends `Authorization: Bearer` and this token. Without one all is read-only.
    ///
    /// Whoever has it can refuse every call or let every call through: hand it out like a password, and serve these
    /// routes over TLS where anybody can listen.
    ///
    /// # Errors
    ///
    /// A token other than 16..=1024 visible ASCII characters. The error does not hold the token.
    pub fn operator_token(mut self, token: &str) -> Result<Self, InvalidConfig> {
        self.token = Some(Token::new(token)?);
        Ok(self)
    }

    /// Answers only requests to these hosts; any other gets 421. Without this call all are answered. May be called more
    /// than once.
    ///
    /// It keeps out pages of a stranger's name that was pointed at this address (DNS rebinding), which a browser takes for
    /// pages of these routes. A browser says in `Host` which name it asked for, and no script can say otherwise.
    ///
    /// A host is a name (`admin.example`), in letters of any size. Subdomains are names of their own. An IP address and
    /// `localhost` are answered whatever is named here, also if that is nothing: nobody can point them elsewhere. Ports are
    /// not looked at: a page that came from another port of the same name is of another origin, and browsers see to that. A
    /// request that names no host, as HTTP/1.0 may, or names another one beside, is refused.
    ///
    /// Behind a proxy, name what the proxy sends in `Host`; `X-Forwarded-Host` and the like are not believed.
    ///
    /// ```
    /// # use tower_breaker_axum::CircuitRoutes;
    /// # fn main() -> Result<(), tower_breaker_core::InvalidConfig> {
    /// let routes = CircuitRoutes::new().allowed_hosts(["admin.example", "prod-7.internal"])?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// What is neither a name of ASCII letters, digits, `-`, `_` and dots nor an IP address: one with a scheme, a port, a
    /// path or a wildcard. Other letters are to be written as browsers send them (`xn--..`).
    pub fn allowed_hosts<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Result<Self, InvalidConfig> {
        let allowed = self.hosts.get_or_insert_default();
        hosts.into_iter().try_for_each(|host| allowed.add(host.as_ref()))?;
        Ok(self)
    }

    /// Serves these routes as well, and their fallback: metrics, say. They stand behind the same check of the host, and
    /// their answers too are not to be stored (`no-store`), to be taken for what they say they are (`nosniff`), and not to
    /// be read by pages of another origin.
    ///
    /// ```
    /// use axum::{Router, routing::get};
    /// use tower_breaker_axum::CircuitRoutes;
    ///
    /// let metrics = Router::new().route("/metrics", get(async || "up 1"));
    /// let admin: Router = CircuitRoutes::new().merge(metrics).into_router();
    /// ```
    ///
    /// # Panics
    ///
    /// As [`Router::merge`] does, here or in [`into_router`](Self::into_router): where a path has a route already, or a
    /// second fallback is given.
    pub fn merge(mut self, routes: Router) -> Self {
        self.others = self.others.merge(routes);
        self
    }

    /// How often those who listen to events get a summary. Default 1 s; what is shorter than 100 ms is 100 ms, what is
    /// longer than a minute is a minute.
    ///
    /// Each looks at every circuit once, however many listen, about a microsecond for each, and so does each who begins to
    /// listen; nothing runs while nobody does.
    pub fn summary_every(mut self, interval: Duration) -> Self {
        self.interval = interval.clamp(Duration::from_millis(100), Duration::from_secs(60));
        self
    }

    /// So many may listen to events at once; one more is answered 503. Default 100.
    pub fn max_listeners(mut self, listeners: usize) -> Self {
        self.listeners = listeners;
        self
    }

    /// The routes. They may be merged into another router, or nested under a path.
    ///
    /// # Panics
    ///
    /// Where [`merge`](Self::merge) was given a path of these routes.
    pub fn into_router<S: Clone + Send + Sync + 'static>(self) -> Router<S> {
        let Self { sets, token, hosts, interval, listeners, others } = self;
        let hub = Hub::new(sets.clone(), interval, listeners, token.is_some());
        let mut commands = Router::new()
            .route("/operator", post(operator::check))
            .route("/circuits/{name}", get(one).with_state(sets.clone()).post(operator::all));
        for action in Action::ALL {
            let command = post(move |state, name, request: Request| operator::one(state, name, action, request));
            commands = commands.route(&format!("/circuits/{{name}}/{}", action.as_str()), command);
        }
        let commands = commands.with_state(Arc::new(Operator { sets: sets.clone(), token }));
        let mut all = Router::new()
            .route("/health/circuits", get(health))
            .route("/circuits", get(circuits))
            .with_state(sets)
            .merge(commands)
            .route("/events", get(events).with_state(hub))
            .route("/", get(dashboard::page))
            .merge(others.with_state(()));
        if let Some(hosts) = hosts {
            all = all.layer(middleware::from_fn_with_state(Arc::new(hosts), hosts::guard));
        }
        all.layer(middleware::map_response(headers))
    }
}

impl Default for CircuitRoutes {
    fn default() -> Self {
        Self::new()
    }
}

async fn health(State(sets): State<Sets>) -> Json<Health> {
    Json(Health::new(sets.snapshots(), SystemTime::now()))
}

async fn circuits(State(sets): State<Sets>) -> Json<json::Circuits> {
    Json(json::Circuits::new(sets.snapshots()))
}

async fn one(
    State(sets): State<Sets>,
    Path(name): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<One>, Problem> {
    let set = query::set(&query.unwrap_or_default())?;
    let found = sets.find(&name, set.as_deref())?;
    Ok(Json(One::new(found.set, found.circuit.snapshot())))
}

async fn events(State(hub): State<Arc<Hub>>, headers: HeaderMap) -> Result<Response, Problem> {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let mut response = Response::new(Body::new(hub.listen(last)?));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    // Proxies that gather answers would hold the events back.
    response.headers_mut().insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

/// On every answer: it is of this moment, it is what it says it is, and no page of another origin may read it.
async fn headers(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
    response
}
