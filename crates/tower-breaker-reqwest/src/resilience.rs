use std::{borrow::Cow, collections::HashMap, fmt};

use async_trait::async_trait;
use http::Extensions;
use reqwest::{Request, Response, StatusCode};
use reqwest_middleware::{Error, Middleware, Next};
use tower_breaker::{Circuit, CircuitBreakerConfig, Circuits, Figures, key::Key, retry::Repeatable};

use crate::{
    CallTimeout, CircuitName, Origin, Policy, PolicyName, ReqwestClassifier, UnknownPolicy, stack::Call,
    stages::StageSet,
};

/// How many names have stages of their own, unless calls are in more of them at once.
const MOST_NAMES: usize = Circuits::DEFAULT_CAPACITY;

/// Every stage of a [`Policy`] around each call of a client, with circuit, bulkhead, limit and retry budget for each origin.
///
/// Of a request's extensions, [`CircuitName`] picks another name than the origin, [`PolicyName`] another policy,
/// [`CallTimeout`] another time, and [`Repeatable`] says that it may be sent again.
///
/// ```
/// use std::time::Duration;
/// use reqwest_middleware::ClientBuilder;
/// use tower_breaker::{Bulkhead, CircuitBreakerConfig, retry::RetryConfig};
/// use tower_breaker_reqwest::{Policy, ResilienceMiddleware};
///
/// let policy = Policy::builder()
///     .timeout(Duration::from_secs(10))
///     .retry(RetryConfig::default())
///     .bulkhead(Bulkhead::builder(64).max_queue(128).max_wait(Duration::from_millis(100)))
///     .circuit_breaker(CircuitBreakerConfig::default())
///     .attempt_timeout(Duration::from_secs(2))
///     .build()?;
/// let client = ClientBuilder::new(reqwest::Client::new()).with(ResilienceMiddleware::new(policy)).build();
/// # drop(client);
/// # Ok::<_, tower_breaker::InvalidConfig>(())
/// ```
///
/// The order of the stages is that of [`ResilienceLayer`](tower_breaker::ResilienceLayer): timeout of the whole call, retry,
/// rate limit, bulkhead, circuit breaker, attempt timeout. Refused calls end at once, in an error that
/// [`rejected`](crate::rejected) and [`refusal`](crate::refusal) know. Middlewares that were named after it see every attempt.
///
/// Each attempt's `Extensions` are those of the attempt before, as it left them.
pub struct ResilienceMiddleware<K = Origin, F = fn(StatusCode) -> bool> {
    source: Source<K>,
    classify: ReqwestClassifier<F>,
    circuits: Circuits,
    policies: HashMap<String, Policy>,
    stages: StageSet,
    follows_redirects: bool,
}

/// Where the policy of a call without a [`PolicyName`] is from.
enum Source<K> {
    /// One for all, with names by key.
    Key(K, Box<Policy>),
    #[cfg(feature = "config")]
    Routes(Box<dyn crate::routes::Routes>),
}

/// What a call goes by.
pub(crate) struct Plan<'a> {
    pub(crate) policy: Cow<'a, Policy>,
    /// Of the stages.
    pub(crate) name: String,
    pub(crate) circuit: Option<Circuit>,
}

impl ResilienceMiddleware {
    /// Puts the stages of `policy` around every call that asks for no other; with new circuits, a set named `origins`.
    #[must_use]
    pub fn new(policy: Policy) -> Self {
        Self::with(Source::Key(Origin, Box::new(policy)), "origins")
    }

    /// Puts stages around each call as the routes in force say: those of its route's policy, with the circuits of the table. A
    /// call that no route takes passes untouched, unless it names a policy. A changed document counts from the next call on;
    /// bulkheads keep the calls that are in them, limits and budgets that did not change go on.
    ///
    /// The routes' hosts and paths are those of the URL that is called. Limits, budgets and bulkheads are for each route, and
    /// shared by the circuits of one that has a `key`. Of calls that name a policy or a circuit, the circuits are in a set of
    /// their own, named `named`; one that calls name goes on deciding as the first of them had it.
    #[cfg(feature = "config")]
    #[must_use]
    pub fn routes<R, P>(table: tower_breaker::routes::RouteTable<R, P>) -> Self
    where
        R: Send + Sync + 'static,
        P: Send + Sync + 'static,
    {
        Self::with(Source::Routes(Box::new(table)), "named")
    }
}

impl<K> ResilienceMiddleware<K> {
    fn with(source: Source<K>, set: &str) -> Self {
        let circuits = Circuits::builder().name(set).build();
        let (classify, policies) = (ReqwestClassifier::new(), HashMap::new());
        let stages = StageSet::new(MOST_NAMES, None);
        Self { source, classify, circuits, policies, stages, follows_redirects: true }
    }
}

impl<K, F> ResilienceMiddleware<K, F> {
    /// Judges calls by `classify` instead.
    #[must_use]
    pub fn classify<G>(self, classify: ReqwestClassifier<G>) -> ResilienceMiddleware<K, G> {
        let Self { source, circuits, policies, stages, follows_redirects, .. } = self;
        ResilienceMiddleware { source, classify, circuits, policies, stages, follows_redirects }
    }

    /// Takes its circuits from that set, which may have a clock, observers or a capacity of its own. How a circuit decides says
    /// the policy of the call that it is made for.
    #[must_use]
    pub fn with_circuits(mut self, circuits: Circuits) -> Self {
        self.circuits = circuits;
        self
    }

    /// Has `policy` for calls that name it by a [`PolicyName`]. Their circuits and stages are apart from those of others:
    /// `payments#https://api.example.com`, unless they name a circuit too.
    #[must_use]
    pub fn policy(mut self, name: impl Into<String>, policy: Policy) -> Self {
        self.policies.insert(name.into(), policy);
        self
    }

    /// Lists what the stages count in `figures`, under the names of their circuits or routes, for exporters. A [`CallTimeout`] is not counted.
    #[must_use]
    pub fn register(mut self, figures: &Figures) -> Self {
        self.stages = StageSet::new(MOST_NAMES, Some(figures.clone()));
        self
    }

    /// Names circuits by `key` instead: a `fn(&reqwest::Request) -> Cow<str>`, or a closure in
    /// [`key::from_fn`](tower_breaker::key::from_fn). With routes it is the document that names them.
    #[must_use]
    pub fn key<L>(self, key: L) -> ResilienceMiddleware<L, F> {
        let Self { source, classify, circuits, policies, stages, follows_redirects } = self;
        let source = match source {
            Source::Key(_, policy) => Source::Key(key, policy),
            #[cfg(feature = "config")]
            Source::Routes(routes) => Source::Routes(routes),
        };
        ResilienceMiddleware { source, classify, circuits, policies, stages, follows_redirects }
    }

    /// Whether the client follows redirects: default true, as reqwest's own. Of a client that does not, nobody to connect to
    /// means that nothing was sent, and a POST is tried again too ([`ReqwestRetry`](crate::ReqwestRetry::follows_redirects)).
    #[must_use]
    pub fn follows_redirects(mut self, follows: bool) -> Self {
        self.follows_redirects = follows;
        self
    }

    /// The circuits, those of a table of routes apart.
    #[must_use]
    pub const fn circuits(&self) -> &Circuits {
        &self.circuits
    }

    fn named(&self, name: &str) -> Result<Cow<'_, Policy>, Error> {
        if let Some(policy) = self.policies.get(name) {
            return Ok(Cow::Borrowed(policy));
        }
        #[cfg(feature = "config")]
        if let Source::Routes(routes) = &self.source
            && let Some(policy) = routes.policy(name)
        {
            return Ok(Cow::Owned(policy));
        }
        #[cfg_attr(not(feature = "config"), expect(unused_mut, reason = "routes add to them"))]
        let mut known: Vec<_> = self.policies.keys().cloned().collect();
        #[cfg(feature = "config")]
        if let Source::Routes(routes) = &self.source {
            known.extend(routes.names());
        }
        Err(Error::middleware(UnknownPolicy::new(name, known)))
    }
}

impl<K: Key<Request>, F> ResilienceMiddleware<K, F> {
    /// `None`: the call passes.
    fn plan(&self, request: &Request, extensions: &Extensions) -> Result<Option<Plan<'_>>, Error> {
        let (named, circuit) = (extensions.get::<PolicyName>(), extensions.get::<CircuitName>());
        let key = || match (circuit, &self.source) {
            (Some(circuit), _) => circuit.as_str().to_owned(),
            (None, Source::Key(key, _)) => key.of(request).into_owned(),
            #[cfg(feature = "config")]
            (None, Source::Routes(_)) => Origin.of(request).into_owned(),
        };
        // Calls of two policies may share a circuit by its name, but never the stages.
        let (policy, name) = match (&self.source, named) {
            (_, Some(named)) => (self.named(named.as_str())?, format!("{}#{}", named.as_str(), key())),
            (Source::Key(_, policy), None) => (Cow::Borrowed(&**policy), key()),
            #[cfg(feature = "config")]
            (Source::Routes(routes), None) => match (routes.plan(request), circuit) {
                (Some(found), Some(circuit)) => (found.policy, format!("{}#{}", found.name, circuit.as_str())),
                (found, _) => return Ok(found),
            },
        };
        let circuit = policy.circuit_breaker.as_ref().map(|config| match circuit {
            Some(circuit) => self.circuits.get_or_create_with(circuit.as_str(), config.clone()),
            None => self.circuit_of(&name, config),
        });
        Ok(Some(Plan { policy, name, circuit }))
    }

    /// The one that only calls of one policy have. A changed document counts for it too.
    fn circuit_of(&self, name: &str, config: &CircuitBreakerConfig) -> Circuit {
        let circuit = self.circuits.get_or_create_with(name, config.clone());
        #[cfg(feature = "config")]
        if matches!(self.source, Source::Routes(_)) && *circuit.config() != *config {
            circuit.reconfigure(config.clone());
        }
        circuit
    }
}

#[async_trait]
impl<K, F> Middleware for ResilienceMiddleware<K, F>
where
    K: Key<Request> + Send + Sync + 'static,
    F: Fn(StatusCode) -> bool + Clone + Send + Sync + 'static,
{
    async fn handle(&self, request: Request, extensions: &mut Extensions, next: Next<'_>) -> Result<Response, Error> {
        let Some(Plan { policy, name, circuit }) = self.plan(&request, extensions)? else {
            return next.run(request, extensions).await;
        };
        let stages = self.stages.of(&name, &policy);
        let call = Call {
            circuit,
            classify: self.classify.clone(),
            limit: extensions.get::<CallTimeout>().map(CallTimeout::limit),
            follows_redirects: self.follows_redirects,
            repeatable: policy.repeatable || extensions.get::<Repeatable>().is_some(),
        };
        call.run(&stages, request, extensions, next).await
    }
}

// By hand: keys and classifiers may be closures.
impl<K, F> fmt::Debug for ResilienceMiddleware<K, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ResilienceMiddleware")
            .field("circuits", &self.circuits)
            .field("policies", &self.policies)
            .finish_non_exhaustive()
    }
}
