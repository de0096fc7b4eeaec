//! Real nats-servers for tests: one or a cluster, on free ports, with their own folders.
//!
//! Everything blocks, because it waits for other processes; nothing here is for production.

use std::ffi::OsString;
use std::fs;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use self::probe::Ports;

mod binary;
mod probe;
mod stopped;

/// A folder that is gone when its owner is.
#[derive(Debug)]
struct Folder(PathBuf);

/// A running nats-server 2.15 with file storage and `sync_interval: always`. Is killed, and its
/// folder removed, when it is dropped.
#[derive(Debug)]
pub struct NatsServer {
    binary: OsString,
    name: String,
    extra: String,
    sync: &'static str,
    whole: Option<Whole>,
    child: Option<Child>,
    ports: Ports,
    folder: Folder,
}

/// A configuration that is taken as it is, and what it reads from the environment.
#[derive(Debug, Clone)]
pub struct Whole {
    /// The file, with `{client}`, `{monitor}` and `{folder}` for what is the server's own.
    pub config: String,
    /// Names and values of variables.
    pub variables: Vec<(String, String)>,
}

/// Three or more servers that are one cluster.
#[derive(Debug)]
pub struct NatsCluster {
    nodes: Vec<NatsServer>,
}

impl NatsServer {
    /// Starts a server and waits until it serves.
    ///
    /// # Errors
    ///
    /// Where there is no nats-server 2.15 (the error says how to get one), or it does not start.
    pub fn start() -> io::Result<NatsServer> {
        NatsServer::start_with("")
    }

    /// Starts a server with more configuration, such as accounts, behind what is needed anyway.
    ///
    /// # Errors
    ///
    /// As [`NatsServer::start`].
    pub fn start_with(extra_config: &str) -> io::Result<NatsServer> {
        let mut server = NatsServer::launch("solo", extra_config, "sync_interval: always")?;
        server.wait_until_healthy()?;
        Ok(server)
    }

    /// Starts a server as its makers deliver it, which syncs every two minutes only.
    ///
    /// # Errors
    ///
    /// As [`NatsServer::start`].
    pub fn start_without_sync() -> io::Result<NatsServer> {
        let mut server = NatsServer::launch("lazy", "", "")?;
        server.wait_until_healthy()?;
        Ok(server)
    }

    /// The server's own name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where clients connect to: `nats://127.0.0.1:port`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("nats://{}", self.ports.client)
    }

    /// Where its monitoring is: `http://127.0.0.1:port`.
    #[must_use]
    pub fn monitor_url(&self) -> String {
        format!("http://{}", self.ports.monitor)
    }

    /// Kills it like `kill -9`. Does nothing where it is dead already.
    ///
    /// # Errors
    ///
    /// Where the system refuses.
    pub fn kill(&mut self) -> io::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// Kills it, starts it again on the same ports and the same files, and waits until it serves.
    ///
    /// # Errors
    ///
    /// As [`NatsServer::start`].
    pub fn restart(&mut self) -> io::Result<()> {
        self.kill()?;
        let (client, monitor) = (self.ports.client.clone(), self.ports.monitor.clone());
        self.spawn(&client, &monitor)?;
        self.wait_until_healthy()
    }

    /// The same, but as its makers deliver it, which syncs every two minutes only.
    ///
    /// # Errors
    ///
    /// As [`NatsServer::start`].
    pub fn restart_without_sync(&mut self) -> io::Result<()> {
        self.sync = "";
        self.restart()
    }

    /// Stops it in the middle of whatever it does, like `kill -STOP`.
    ///
    /// # Errors
    ///
    /// Where it is dead, or the system refuses.
    pub fn pause(&self) -> io::Result<()> {
        self.signal("STOP")?;
        self.child.as_ref().map_or(Ok(()), |child| stopped::wait(child.id()))
    }

    /// Lets a paused one go on.
    ///
    /// # Errors
    ///
    /// Where it is dead, or the system refuses.
    pub fn resume(&self) -> io::Result<()> {
        self.signal("CONT")
    }

    fn launch(name: &str, extra: &str, sync: &'static str) -> io::Result<NatsServer> {
        NatsServer::launch_as(name, extra, sync, None)
    }

    fn launch_as(
        name: &str,
        extra: &str,
        sync: &'static str,
        whole: Option<Whole>,
    ) -> io::Result<NatsServer> {
        let mut server = NatsServer {
            binary: binary::find()?,
            name: name.to_owned(),
            extra: extra.to_owned(),
            sync,
            whole,
            child: None,
            ports: Ports { client: String::new(), monitor: String::new() },
            folder: Folder::create()?,
        };
        server.spawn("127.0.0.1:-1", "127.0.0.1:-1")?;
        Ok(server)
    }

    /// Starts the process and waits until it tells its ports.
    fn spawn(&mut self, client: &str, monitor: &str) -> io::Result<()> {
        let folder = self.folder.path();
        let config = folder.join("server.conf");
        fs::write(&config, self.config(client, monitor))?;
        let log = fs::File::options().create(true).append(true).open(self.log_file())?;
        let variables = self.whole.iter().flat_map(|whole| whole.variables.iter().cloned());
        let child = Command::new(&self.binary)
            .arg("--config")
            .arg(&config)
            .envs(variables)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let program = Path::new(&self.binary).file_name().unwrap_or(&self.binary);
        let file = folder.join(format!("{}_{}.ports", program.display(), child.id()));
        self.child = Some(child);
        self.ports = self.wait("ports file", |_| probe::ports(&file))?;
        Ok(())
    }

    fn config(&self, client: &str, monitor: &str) -> String {
        let folder = self.folder.path().display();
        if let Some(Whole { config, .. }) = &self.whole {
            let config = config.replace("{client}", client).replace("{monitor}", monitor);
            let config = config.replace("{folder}", &folder.to_string());
            return format!("{config}\nports_file_dir: \"{folder}\"\n");
        }
        format!(
            "server_name: {}\nlisten: \"{client}\"\nhttp: \"{monitor}\"\n\
             ports_file_dir: \"{folder}\"\nmax_payload: 1MB\n\
             jetstream {{\n  store_dir: \"{folder}/store\"\n  {}\n}}\n{}\n",
            self.name, self.sync, self.extra
        )
    }

    fn wait_until_healthy(&mut self) -> io::Result<()> {
        self.wait("health", |ports| probe::healthy(&ports.monitor).then_some(()))
    }

    /// Waits for the process, but not for a dead one.
    fn wait<T>(&mut self, what: &str, probe: impl Fn(&Ports) -> Option<T>) -> io::Result<T> {
        let log = self.log_file();
        let NatsServer { child, ports, name, .. } = self;
        probe::wait(what, || {
            if let Some(child) = child
                && let Some(status) = child.try_wait()?
            {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let last: Vec<_> = said.lines().rev().take(5).collect();
                return Err(io::Error::other(format!("{name} ended with {status}: {last:?}")));
            }
            Ok(probe(ports))
        })
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("server.log")
    }

    fn signal(&self, signal: &str) -> io::Result<()> {
        let Some(child) = &self.child else {
            return Err(io::Error::new(io::ErrorKind::NotFound, "the server is not running"));
        };
        let command = format!("kill -{signal} {}", child.id());
        let status = Command::new("sh").arg("-c").arg(&command).status()?;
        if status.success() { Ok(()) } else { Err(io::Error::other(command)) }
    }
}

impl Drop for NatsServer {
    fn drop(&mut self) {
        // A process that cannot be killed is nothing that a test could mend.
        drop(self.kill());
    }
}

impl NatsCluster {
    /// Starts a cluster and waits until every node serves.
    ///
    /// # Errors
    ///
    /// As [`NatsServer::start`].
    pub fn start(size: usize) -> io::Result<NatsCluster> {
        with_free_ports(|| NatsCluster::start_once(size))
    }

    fn start_once(size: usize) -> io::Result<NatsCluster> {
        let addresses = free_addresses(size)?;
        let routes: Vec<_> =
            addresses.iter().map(|address| format!("\"nats-route://{address}\"")).collect();
        let mut nodes = Vec::new();
        for (number, address) in (1..).zip(&addresses) {
            let cluster = format!(
                "cluster {{\n  name: test\n  listen: \"{address}\"\n  routes: [{}]\n}}",
                routes.join(", ")
            );
            let name = format!("n{number}");
            nodes.push(NatsServer::launch(&name, &cluster, "sync_interval: always")?);
        }
        for node in &mut nodes {
            node.wait_until_healthy()?;
        }
        Ok(NatsCluster { nodes })
    }

    /// Starts a cluster from configurations of somebody else, one for each of the named nodes.
    /// `configure` gets the node's name, the address of its routes, and all of these.
    ///
    /// # Errors
    ///
    /// As [`NatsServer::start`].
    pub fn start_whole(
        names: &[&str],
        configure: impl Fn(&str, &str, &[String]) -> Whole,
    ) -> io::Result<NatsCluster> {
        with_free_ports(|| NatsCluster::start_whole_once(names, &configure))
    }

    fn start_whole_once(
        names: &[&str],
        configure: impl Fn(&str, &str, &[String]) -> Whole,
    ) -> io::Result<NatsCluster> {
        let addresses = free_addresses(names.len())?;
        let routes: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        let mut nodes = Vec::new();
        for (name, route) in names.iter().zip(&routes) {
            let whole = configure(name, route, &routes);
            nodes.push(NatsServer::launch_as(name, "", "", Some(whole))?);
        }
        for node in &mut nodes {
            node.wait_until_healthy()?;
        }
        Ok(NatsCluster { nodes })
    }

    /// All nodes' addresses, with commas.
    #[must_use]
    pub fn url(&self) -> String {
        self.nodes.iter().map(NatsServer::url).collect::<Vec<_>>().join(",")
    }

    /// All nodes' monitorings.
    #[must_use]
    pub fn monitor_urls(&self) -> Vec<String> {
        self.nodes.iter().map(NatsServer::monitor_url).collect()
    }

    /// The nodes, to look at.
    #[must_use]
    pub fn nodes(&self) -> &[NatsServer] {
        &self.nodes
    }

    /// The nodes, to kill and restart.
    pub fn nodes_mut(&mut self) -> &mut [NatsServer] {
        &mut self.nodes
    }

    /// The node with that name: `n1`, `n2`, `n3`.
    pub fn node(&mut self, name: &str) -> Option<&mut NatsServer> {
        self.nodes.iter_mut().find(|node| node.name == name)
    }
}

/// Starts a cluster, and again with other ports where somebody took one of them meanwhile.
fn with_free_ports(start: impl Fn() -> io::Result<NatsCluster>) -> io::Result<NatsCluster> {
    let mut attempts = 5;
    loop {
        attempts -= 1;
        match start() {
            Err(error) if attempts > 0 && error.to_string().contains("address already in use") => {}
            outcome => return outcome,
        }
    }
}

/// Addresses for routes, which have to be known before. The ports stay taken until all are chosen.
fn free_addresses(count: usize) -> io::Result<Vec<SocketAddr>> {
    let listeners =
        (0..count).map(|_| TcpListener::bind("127.0.0.1:0")).collect::<io::Result<Vec<_>>>()?;
    listeners.iter().map(TcpListener::local_addr).collect()
}

impl Folder {
    fn create() -> io::Result<Folder> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            let name = format!("revledger-nats-{}-{number}", std::process::id());
            let path = std::env::temp_dir().join(name);
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Folder(path)),
                // Left behind by a killed process that had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // A folder below the system's temporary one that stays is nobody's loss.
        drop(fs::remove_dir_all(&self.0));
    }
}
