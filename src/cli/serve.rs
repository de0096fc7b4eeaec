//! `revledger serve`: the daemon. Wires the log, the writer, the live views, HTTP and NATS.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::Args;
use commands::http::{self, Books, Served};
use commands::service::{self, ActorSource, CommandService};
use futures::future::{select_all, try_join_all};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::time::timeout;
use tracing::info;

use crate::cli::Global;
use crate::config;
use crate::exit::{Exit, Failure};
use crate::vitals::Vitals;

use self::health::Health;
use self::logging::{LogFormat, Logging};
use self::running::Running;

mod health;
mod logging;
mod metrics;
mod room;
mod running;

/// How long callers that are being answered may take once the daemon is told to end.
const DRAIN_DEADLINE: Duration = Duration::from_secs(10);
/// How long the NATS server has to take the last replies.
const FLUSH_DEADLINE: Duration = Duration::from_secs(5);

/// Arguments of `serve`.
#[derive(Debug, Clone, Args)]
pub(crate) struct Arguments {
    /// Another book to serve beside --book, such as that of another legal entity; repeat it for more.
    #[arg(long, value_name = "BOOK")]
    pub(crate) also: Vec<String>,
    /// Where HTTP listens: loopback only, it has no TLS and no users. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7080")]
    pub(crate) listen: SocketAddr,
    /// The file that holds the signing secrets of Stripe's webhooks, one a line: two while one is
    /// being rotated. Else the variable REVLEDGER_STRIPE_WEBHOOK_SECRET does.
    #[arg(long, value_name = "FILE")]
    pub(crate) stripe_webhook_secret_file: Option<PathBuf>,
    /// Record as the actor of each command over NATS the user that the NATS server names, and
    /// refuse commands of which it names none: for services that an account imports with `share:
    /// true`.
    #[arg(long)]
    pub(crate) actor_from_nats: bool,
    /// What stays free on the disk of the journal, or of the NATS servers: while less is free
    /// commands are refused (book.disk_reserve), and reports go on. 0 for none.
    #[arg(long, value_name = "SIZE", default_value = "256MiB", value_parser = room::size)]
    pub(crate) disk_reserve: u64,
    /// How the log on standard error is written; RUST_LOG says what of it.
    #[arg(long, value_enum, value_name = "FORMAT", default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// The variable that holds the secrets where no file does: not an option, which others could read.
const WEBHOOK_SECRET: &str = "REVLEDGER_STRIPE_WEBHOOK_SECRET";

/// Runs until it is told to end.
///
/// # Errors
/// Where the log cannot be opened or trusted, or an address is taken.
pub(crate) fn run(global: &Global, arguments: &Arguments) -> Result<Exit, Failure> {
    if !arguments.listen.ip().is_loopback() {
        let address = arguments.listen;
        return Err(Failure::usage("serve.not_loopback", format!("cannot listen on {address}"))
            .because("HTTP has no TLS and no users in this release, so it stays on loopback")
            .help("use 127.0.0.1 or [::1]; other machines send commands over NATS"));
    }
    let actors =
        if arguments.actor_from_nats { ActorSource::Server } else { ActorSource::Transport };
    if actors == ActorSource::Server && global.nats.is_none() {
        let what = "--actor-from-nats needs --nats: without it no server names anybody";
        return Err(Failure::usage("serve.no_server", what));
    }
    let wanted = Wanted {
        listen: arguments.listen,
        secrets: secrets(arguments)?,
        actors,
        reserve: arguments.disk_reserve,
        logging: logging::start(arguments.log_format),
    };
    config::block_on(serve(&books(global, arguments)?, &wanted))
}

/// What of the options is the same for all books.
struct Wanted {
    listen: SocketAddr,
    secrets: String,
    actors: ActorSource,
    reserve: u64,
    logging: Logging,
}

/// The options of each book that is served.
fn books(global: &Global, arguments: &Arguments) -> Result<Vec<Global>, Failure> {
    let names = std::iter::once(&global.book).chain(&arguments.also);
    let books: Vec<Global> =
        names.map(|book| Global { book: book.clone(), ..global.clone() }).collect();
    let mut seen = BTreeSet::new();
    for one in &books {
        // By folder and stream: two names may be one token.
        if !seen.insert(one.book_id()?.token()) {
            return Err(Failure::usage(
                "serve.book_twice",
                format!("{:?} is named twice", one.book),
            )
            .help("name each book once, with --book or --also"));
        }
    }
    Ok(books)
}

/// The signing secrets of Stripe's webhooks, where there are some.
fn secrets(arguments: &Arguments) -> Result<String, Failure> {
    let Some(path) = &arguments.stripe_webhook_secret_file else {
        return Ok(std::env::var(WEBHOOK_SECRET).unwrap_or_default());
    };
    let secrets = std::fs::read_to_string(path).map_err(|error| Failure::file(path, &error))?;
    if secrets.trim().is_empty() {
        let what = "the file of --stripe-webhook-secret-file holds no secret";
        return Err(Failure::usage("webhook.secret_missing", what)
            .help("write the endpoint's signing secret (whsec_...) into it"));
    }
    Ok(secrets)
}

async fn serve(books: &[Global], wanted: &Wanted) -> Result<Exit, Failure> {
    let mut end = terminations()?;
    // First of all: a supervisor can ask from the beginning how far the start is.
    let front = Front::open(books, wanted).await?;
    let started = tokio::select! {
        started = start(books, wanted, &front) => started,
        () = end.recv() => {
            info!("told to end before the books were open");
            return Ok(Exit::Done);
        }
    };
    let (running, services, client) = started?;
    front.books.open(running.iter().map(|one| one.served.clone()).collect());
    front.health.begin();
    tell_ready(books, &front.address, &running)?;
    let failing = running.iter().map(|one| Box::pin(one.failed()));
    let mut outcome = tokio::select! {
        () = end.recv() => Ok(Exit::Done),
        (failure, ..) = select_all(failing) => Err(failure),
    };
    info!("ending: what was taken is answered first");
    front.drain(services).await;
    for one in running {
        // All of them are ended; the first failure is the one that is told.
        let ended = one.finish(outcome.is_err()).await;
        outcome = outcome.and_then(|exit| ended.map(|()| exit));
    }
    if let Some(client) = client
        && !matches!(timeout(FLUSH_DEADLINE, client.flush()).await, Ok(Ok(())))
    {
        info!("the NATS server did not take the last replies in time");
    }
    outcome
}

/// Opens the books, and starts what brings commands to them.
async fn start(
    books: &[Global],
    wanted: &Wanted,
    front: &Front,
) -> Result<(Vec<Running>, Vec<CommandService>, Option<async_nats::Client>), Failure> {
    let client = match books.first().and_then(|global| global.nats.as_ref()) {
        Some(server) => Some(server.connect().await?),
        None => None,
    };
    let mut running = Vec::with_capacity(books.len());
    for (global, vitals) in books.iter().zip(&front.vitals) {
        let shown = (Arc::clone(vitals), wanted.reserve);
        running.push(Running::start(global, client.as_ref(), &wanted.secrets, shown).await?);
    }
    let services = running.iter().flat_map(|one| client.clone().map(|client| (one, client)));
    let services = services.map(async |(one, client)| {
        let Served { book, writer, reports, .. } = &one.served;
        let (book, writer, reports) = (book.clone(), writer.clone(), Arc::clone(reports));
        let started = service::start(client, book, writer, reports, wanted.actors).await;
        started.map_err(|error| Failure::store("nats.service", "no service").because(error))
    });
    let services = try_join_all(services).await?;
    if client.is_some() {
        // An answer on the same connection comes behind the subscriptions that were sent before it: who
        // reads that the daemon is ready finds its services.
        for one in &running {
            one.log.last_sequence().await?;
        }
    }
    Ok((running, services, client))
}

/// HTTP, which is there before the books are open and until the last caller is answered.
struct Front {
    address: SocketAddr,
    vitals: Vec<Arc<Vitals>>,
    books: Books,
    health: Arc<Health>,
    stop: watch::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
}

impl Front {
    async fn open(books: &[Global], wanted: &Wanted) -> Result<Self, Failure> {
        let listen = wanted.listen;
        let listener = TcpListener::bind(listen).await.map_err(|error| {
            Failure::store("serve.address", format!("cannot listen on {listen}"))
                .because(error)
                .help("another program has the port: name another one with --listen")
        })?;
        let address = listener.local_addr()?;
        let vitals: Vec<_> =
            books.iter().map(|global| Arc::new(Vitals::of(&global.book))).collect();
        let lines = wanted.logging.lines.clone();
        let health = Arc::new(Health::new(vitals.clone(), wanted.reserve, lines));
        let books = Books::default();
        let router = http::router(books.clone(), Arc::<Health>::clone(&health));
        let (stop, stopped) = watch::channel(false);
        let server = http::serve(listener, router, flagged(stopped), DRAIN_DEADLINE);
        let server = tokio::spawn(server);
        Ok(Self { address, vitals, books, health, stop, server })
    }

    /// Ends what brings commands, so that the writer's last one is known. Probes are answered until
    /// those who wait for a command are.
    async fn drain(self, services: Vec<CommandService>) {
        self.health.end();
        self.books.end();
        for service in services {
            service.stop().await;
        }
        if timeout(DRAIN_DEADLINE, self.books.answered()).await.is_err() {
            info!("commands over HTTP are not answered in time");
        }
        self.stop.send_replace(true);
        if let Err(error) = self.server.await {
            info!(%error, "HTTP ended unexpectedly");
        }
    }
}

/// Ready once the flag is up, or its owner gone.
async fn flagged(mut flag: watch::Receiver<bool>) {
    if flag.wait_for(|is_up| *is_up).await.is_err() {
        info!("nobody can raise the flag any more");
    }
}

/// The signals that end the daemon.
struct Terminations {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

fn terminations() -> Result<Terminations, Failure> {
    let failed = |error| Failure::store("serve.signals", "cannot wait for signals").because(error);
    Ok(Terminations {
        interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
        terminate: signal(SignalKind::terminate()).map_err(failed)?,
    })
}

impl Terminations {
    async fn recv(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

/// A line for each book on standard output once everything answers: scripts wait for it, and may
/// close it after the first.
fn tell_ready(books: &[Global], address: &SocketAddr, running: &[Running]) -> Result<(), Failure> {
    let mut lines = String::new();
    for (global, one) in books.iter().zip(running) {
        let nats = global.nats.as_ref().map(|url| format!(" and {url}")).unwrap_or_default();
        let (book, log) = (&global.book, one.log.describe());
        let role = if one.stands_by() { "standing by " } else { "" };
        lines += &format!("ready: book {book} {role}on http://{address}{nats}, log {log}\n");
    }
    let mut output = std::io::stdout().lock();
    output.write_all(lines.as_bytes())?;
    if books.iter().any(|global| global.unsafe_dev) {
        writeln!(std::io::stderr(), "UNSAFE: --unsafe-dev, an acknowledged event could be lost")?;
    }
    Ok(output.flush()?)
}
