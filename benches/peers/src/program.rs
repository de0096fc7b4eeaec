//! The real program: `revledger serve` on a JetStream of its own, with clients over NATS and HTTP.

use std::path::Path;
use std::process::Stdio;
use std::sync::Arc;

use benches::Outcome;
use benches::ledger::accepted;
use benches::load::Side;
use benches::orders::{self, Step};
use http_body_util::{BodyExt, Full};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Method, Request, header};
use hyper_util::rt::TokioIo;
use ledger_core::log::nats_server::NatsServer;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};
use tokio::sync::Mutex;

/// The book that it serves.
const BOOK: &str = "main";

/// A running daemon. Is killed when it is dropped, and its server and folder with it.
#[derive(Debug)]
pub(crate) struct Program {
    address: String,
    _child: Child,
    server: NatsServer,
    _folder: TempDir,
}

/// Clients over NATS, each with a connection of its own.
#[derive(Debug)]
pub(crate) struct OverNats(Vec<async_nats::Client>);

/// Clients over HTTP, each with a connection of its own.
#[derive(Debug)]
pub(crate) struct OverHttp {
    host: String,
    connections: Vec<Mutex<SendRequest<Full<Bytes>>>>,
}

impl Program {
    /// Starts it, and waits until it serves.
    ///
    /// # Errors
    /// Where it does not start.
    pub(crate) async fn start(binary: &Path) -> Outcome<Self> {
        let server = NatsServer::start()?;
        let folder = tempfile::tempdir()?;
        let mut child = Command::new(binary)
            .args(["serve", "--listen", "127.0.0.1:0", "--book", BOOK])
            .args(["--nats", &server.url(), "--nats-monitor", &server.monitor_url()])
            .env("REVLEDGER_DATA", folder.path())
            .env("RUST_LOG", "off")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()?;
        let output = child.stdout.take().ok_or("the program has no output")?;
        let mut ready = String::new();
        BufReader::new(output).read_line(&mut ready).await?;
        let address = ready.split("http://").nth(1).and_then(|rest| rest.split([',', ' ']).next());
        let address = address.ok_or_else(|| format!("no address in {ready:?}"))?.to_owned();
        let program = Self { address, _child: child, server, _folder: folder };
        let nats = program.over_nats(1).await?;
        for line in orders::opening() {
            let name = if line.contains("OpenBook") { "OpenBook" } else { "RegisterCustomer" };
            nats.request(0, name, line).await?;
        }
        Ok(program)
    }

    /// Connects clients over NATS.
    ///
    /// # Errors
    /// Where the server cannot be reached.
    pub(crate) async fn over_nats(&self, clients: usize) -> Outcome<Arc<OverNats>> {
        let mut all = Vec::new();
        for _ in 0..clients {
            all.push(async_nats::connect(self.server.url()).await?);
        }
        Ok(Arc::new(OverNats(all)))
    }

    /// Connects clients over HTTP.
    ///
    /// # Errors
    /// Where the program cannot be reached.
    pub(crate) async fn over_http(&self, clients: usize) -> Outcome<Arc<OverHttp>> {
        let mut connections = Vec::new();
        for _ in 0..clients {
            let stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            let (sender, connection) = handshake(TokioIo::new(stream)).await?;
            // It ends with its sender; what goes wrong is told to who waits for an answer.
            drop(tokio::spawn(connection));
            connections.push(Mutex::new(sender));
        }
        Ok(Arc::new(OverHttp { host: self.address.clone(), connections }))
    }
}

impl OverNats {
    async fn request(&self, worker: usize, name: &str, line: String) -> Outcome<()> {
        let client = self.0.get(worker % self.0.len().max(1)).ok_or("there is no client")?;
        let subject = format!("ledger.{BOOK}.cmd.{name}");
        let reply = client.request(subject, line.into()).await?;
        accepted(reply.payload.to_vec())
    }
}

impl Side for OverNats {
    async fn send(&self, worker: usize, step: Step, order: u64) -> Outcome<()> {
        self.request(worker, orders::name(step), orders::command(step, order)).await
    }
}

impl Side for OverHttp {
    async fn send(&self, worker: usize, step: Step, order: u64) -> Outcome<()> {
        let connection = self.connections.get(worker).ok_or("there is no client")?;
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("/v1/books/{BOOK}/commands"))
            .header(header::HOST, &self.host)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(orders::command(step, order))))?;
        let mut connection = connection.lock().await;
        connection.ready().await?;
        let reply = connection.send_request(request).await?.into_body().collect().await?;
        accepted(reply.to_bytes().to_vec())
    }
}
