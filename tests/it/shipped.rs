//! The cluster in `docker/cluster`, as real processes: the shipped files with ports, paths and
//! names of machines of this test.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use async_nats::{Client, ConnectOptions};
use ledger_core::log::nats_server::{NatsCluster, Whole};
use tempfile::TempDir;

/// The nodes' names in the shipped files.
pub(crate) const NODES: [&str; 3] = ["ledger-1", "ledger-2", "ledger-3"];

/// A running cluster, and the secrets that were made for it.
pub(crate) struct Shipped {
    pub(crate) cluster: NatsCluster,
    pub(crate) secrets: TempDir,
}

impl Shipped {
    /// Starts it.
    pub(crate) fn start() -> Self {
        Self::start_with(|config| config)
    }

    /// Starts it with a change in the nodes' configuration.
    pub(crate) fn start_with(change: impl Fn(String) -> String) -> Self {
        let secrets = tempfile::tempdir().unwrap();
        make_secrets(secrets.path());
        let variables = fs::read_to_string(secrets.path().join("passwords.env")).unwrap();
        let variables: Vec<(String, String)> = variables
            .lines()
            .filter_map(|line| line.split_once('='))
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect();
        let cluster = NatsCluster::start_whole(&NODES, |node, route, routes| {
            let mut variables = variables.clone();
            variables.push(("NODE".to_owned(), node.to_owned()));
            let config = change(configuration(&secrets.path().join(node), route, routes));
            Whole { config, variables }
        });
        Self { cluster: cluster.expect("the shipped cluster starts"), secrets }
    }

    /// The nodes' addresses, demanding TLS.
    pub(crate) fn url(&self) -> String {
        self.cluster.url().replace("nats://", "tls://")
    }

    pub(crate) fn password_file(&self, user: &str) -> PathBuf {
        self.secrets.path().join(user).join("password")
    }

    pub(crate) fn authority(&self) -> PathBuf {
        self.secrets.path().join("ca.pem")
    }

    /// The options of the program for a user.
    pub(crate) fn options(&self, user: &str) -> Vec<String> {
        let (password, authority) = (self.password_file(user), self.authority());
        let (password, authority) = (password.to_str().unwrap(), authority.to_str().unwrap());
        let url = self.url();
        [
            "--nats",
            &url,
            "--nats-user",
            user,
            "--nats-password-file",
            password,
            "--nats-ca",
            authority,
        ]
        .map(str::to_owned)
        .to_vec()
    }

    /// How a user connects.
    pub(crate) fn user(&self, user: &str) -> ConnectOptions {
        let password = fs::read_to_string(self.password_file(user)).unwrap();
        ConnectOptions::with_user_and_password(user.to_owned(), password.trim().to_owned())
            .add_root_certificates(self.authority())
            .require_tls(true)
            .custom_inbox_prefix(format!("_INBOX_{user}"))
    }

    /// Connects a user.
    pub(crate) async fn connect(&self, user: &str) -> Client {
        let servers: Vec<String> = self.url().split(',').map(str::to_owned).collect();
        self.user(user).connect(servers).await.expect("the cluster takes the user")
    }
}

/// Runs the shipped script.
pub(crate) fn make_secrets(folder: &Path) {
    let made = Command::new("bash").arg(file("make-secrets")).arg(folder).output();
    let made = made.expect("bash runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
}

/// The shipped configuration, with the names of this test in the places of the container's.
fn configuration(secrets: &Path, route: &str, routes: &[String]) -> String {
    let accounts = fs::read_to_string(file("accounts.conf")).unwrap();
    let mut config = fs::read_to_string(file("nats-server.conf")).unwrap();
    let mut replace = |old: &str, new: &str| {
        assert!(config.contains(old), "the shipped configuration has no {old}");
        config = config.replace(old, new);
    };
    replace("0.0.0.0:4222", "{client}");
    replace("127.0.0.1:8222", "{monitor}");
    replace("0.0.0.0:6222", route);
    for (node, address) in NODES.iter().zip(routes) {
        replace(&format!("{node}:6222"), address);
    }
    replace("/secrets/", &format!("{}/", secrets.display()));
    replace("\"/data\"", "\"{folder}/store\"");
    replace("include \"accounts.conf\"", &accounts);
    config
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docker/cluster").join(name)
}
