//! The program's life: files are read, ports taken, callers served until the signal to stop, and the state is kept.

use std::{env::VarError, io, net::SocketAddr, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpSocket},
    signal::unix::{SignalKind, signal},
    time::timeout,
};
use tower_breaker::Circuits;

use crate::{
    MISTAKE, admin,
    args::{self, Address, Serve},
    config::{self, Config, Table},
    connections::Connections,
    demo, open_files,
    proxy::Proxy,
    reload, report,
    stages::Stages,
    state::{self, State},
};

/// So long requests under way may go on after the signal to stop.
const DRAIN_WITHIN: Duration = Duration::from_secs(10);

/// So many callers may wait to be taken. A burst beyond it costs each of them a second or more, because the system leaves them
/// unanswered; a lower bound of the system's own (`net.core.somaxconn`) holds.
const BACKLOG: u32 = 4096;

/// Serves until it is told to stop. An error is an exit code and one line.
pub(crate) async fn run(serve: Serve) -> Result<(), (u8, String)> {
    report::start().map_err(|error| (1, format!("cannot start: {error}")))?;
    let cannot = |error: io::Error| (1, format!("cannot wait for signals: {error}"));
    // Without a file there is nothing to read again, and a terminal that is closed ends the demonstration as it ends others.
    let hangup = serve.config.as_ref().map(|_| signal(SignalKind::hangup())).transpose().map_err(cannot)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(cannot)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(cannot)?;

    let most = open_files::room(serve.max_connections, args::MAX_CONNECTIONS, open_files::raise());
    let connections = Connections::new(most.map_err(|error| (1, error))?, serve.client_timeout);

    // Looked at before it is read: a change in between is seen as one.
    let look = serve.config.as_deref().and_then(reload::look);
    let ((config, fleet), upstreams) = match &serve.config {
        Some(file) => (config::load(file).map_err(|error| (MISTAKE, error))?, None),
        None => {
            let upstreams = demo::Upstreams::start().await.map_err(|error| (1, format!("cannot start: {error}")))?;
            ((upstreams.config(), None), Some(upstreams))
        }
    };
    let listener = listen("--listen", serve.listen).await?;
    let admin_listener = listen("--admin", serve.admin).await?;
    let at = listener.local_addr().map_err(|error| (1, error.to_string()))?;
    let admin_at = admin_listener.local_addr().map_err(|error| (1, error.to_string()))?;

    let (circuits, keyed) = (set("routes", &config), set("keyed", &config));
    // Before the state: a group knows how many may be out once all of its endpoints are there.
    let stages = Arc::new(Stages::new(&config));
    if let Some(file) = &serve.state {
        // Before the table has them, so that it takes out those of routes that are gone.
        state::load(file, [&circuits, &keyed, stages.endpoint_circuits()]).map_err(|error| (1, error))?;
        // Takes out those of endpoints that are gone.
        stages.apply(&config);
    }
    let table = Table::with_circuits(config, circuits, keyed);
    let state =
        serve.state.map(|file| State::new(file, table.clone(), &stages)).transpose().map_err(|error| (1, error))?;
    if let Some(state) = state.clone() {
        tokio::spawn(state.keep());
    }
    report::say(format_args!("proxy    http://{at}"));
    report::say(format_args!("callers  at most {} connections at once", connections.most()));
    let token = token()?;
    let router = admin::router(&table, &stages, &connections, token.as_deref(), serve.admin_host.as_deref())
        .map_err(|error| (MISTAKE, error))?;
    report::say(format_args!("page     http://{admin_at}/"));
    report::say(format_args!("circuits http://{admin_at}/health/circuits"));
    report::say(format_args!("metrics  http://{admin_at}/metrics"));
    let commands = if token.is_some() { "taken with the token of" } else { "none are taken: they need a token in" };
    report::say(format_args!("commands {commands} {}", admin::TOKEN));
    for route in table.config().routes() {
        let upstreams: Vec<String> = route.extra().upstreams.list().iter().map(ToString::to_string).collect();
        report::say(format_args!("route    {} -> {}", route.name(), upstreams.join(", ")));
    }
    let join =
        |circuits| fleet.as_ref().map(|fleet| fleet.join(circuits)).transpose().map_err(|error| (MISTAKE, error));
    let fleets = [join(table.circuits())?, join(table.keyed_circuits())?, join(stages.endpoint_circuits())?];
    tokio::spawn(async { axum::serve(admin_listener, router).await });
    if let (Some(file), Some(hangup)) = (serve.config, hangup) {
        tokio::spawn(reload::watch(file, table.clone(), Arc::clone(&stages), hangup, look));
    }
    if let Some(upstreams) = upstreams {
        upstreams.show(at, admin_at);
    }

    let proxy = Proxy::new(table, stages, serve.client_timeout, serve.upstream_timeout);
    let stop = tokio::select! {
        () = connections.take(&listener, &proxy) => "",
        _ = interrupt.recv() => "Ctrl-C",
        _ = terminate.recv() => "SIGTERM",
    };
    drop(listener);
    let under_way = connections.open();
    report::event(format_args!("{stop}: {under_way} connections are drained, for at most 10 s"));
    tokio::select! {
        drained = timeout(DRAIN_WITHIN, connections.drained()) => match drained {
            Ok(()) => report::event("all requests have ended"),
            Err(_) => report::event("10 s are over: the rest is cut off"),
        },
        _ = interrupt.recv() => report::event("Ctrl-C again: the rest is cut off"),
    }
    for fleet in fleets.into_iter().flatten() {
        fleet.shutdown().await;
    }
    state.map_or(Ok(()), |state| state.save_last().map_err(|error| (1, error)))
}

/// The operator's token. Set to nothing it is not set.
fn token() -> Result<Option<String>, (u8, String)> {
    match std::env::var(admin::TOKEN) {
        Ok(token) => Ok(Some(token).filter(|token| !token.is_empty())),
        Err(VarError::NotPresent) => Ok(None),
        Err(VarError::NotUnicode(_)) => Err((MISTAKE, format!("{} is not a text", admin::TOKEN))),
    }
}

/// Circuits that say what they do.
fn set(name: &str, config: &Config) -> Circuits {
    Circuits::builder().name(name).config_for(state::config_for(config)).observe(report::transition).build()
}

async fn listen(option: &str, address: Address) -> Result<TcpListener, (u8, String)> {
    let at = address.at;
    match bind(at) {
        Err(error) if error.kind() == io::ErrorKind::AddrInUse && !address.given => {
            let free =
                bind((at.ip(), 0).into()).map_err(|error| (1, format!("cannot listen on {}: {error}", at.ip())))?;
            report::say(format_args!("{at} is taken, so another port stands in for it ({option} chooses one)"));
            Ok(free)
        }
        bound => bound.map_err(|error| {
            let why =
                if error.kind() == io::ErrorKind::AddrInUse { "it is taken".to_owned() } else { error.to_string() };
            (1, format!("cannot listen on {at} ({option}): {why}"))
        }),
    }
}

fn bind(at: SocketAddr) -> io::Result<TcpListener> {
    let socket = if at.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As `TcpListener::bind` has it: a port may be taken again at once after a restart.
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(BACKLOG)
}
