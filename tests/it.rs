//! The whole program from the outside: every test starts the built `revledger`.

#[cfg(test)]
#[path = "it/apply.rs"]
mod apply;
#[cfg(test)]
#[path = "it/backup.rs"]
mod backup;
#[cfg(test)]
#[path = "it/bad_changes.rs"]
mod bad_changes;
#[cfg(test)]
#[path = "it/bad_input.rs"]
mod bad_input;
#[cfg(test)]
#[path = "it/bad_rates.rs"]
mod bad_rates;
#[cfg(test)]
#[path = "it/books.rs"]
mod books;
#[cfg(test)]
#[path = "it/collect.rs"]
mod collect;
#[cfg(test)]
#[path = "it/crash.rs"]
mod crash;
#[cfg(test)]
#[path = "it/credentials.rs"]
mod credentials;
#[cfg(test)]
#[path = "it/daemon.rs"]
mod daemon;
#[cfg(test)]
#[path = "it/document.rs"]
mod document;
#[cfg(test)]
#[path = "it/drain.rs"]
mod drain;
#[cfg(test)]
#[path = "it/edge.rs"]
mod edge;
#[cfg(test)]
#[path = "it/exits.rs"]
mod exits;
#[cfg(test)]
#[path = "it/explain.rs"]
mod explain;
#[cfg(test)]
#[path = "it/export.rs"]
mod export;
#[cfg(test)]
#[path = "it/export_ads.rs"]
mod export_ads;
#[cfg(test)]
#[path = "it/failover.rs"]
mod failover;
#[cfg(test)]
#[path = "it/harness.rs"]
mod harness;
#[cfg(test)]
#[path = "it/import.rs"]
mod import;
#[cfg(test)]
#[path = "it/import_bank.rs"]
mod import_bank;
#[cfg(test)]
#[path = "it/import_ecb.rs"]
mod import_ecb;
#[cfg(test)]
#[path = "it/limits.rs"]
mod limits;
#[cfg(test)]
#[path = "it/load.rs"]
mod load;
#[cfg(test)]
#[path = "it/metrics.rs"]
mod metrics;
#[cfg(test)]
#[path = "it/notices.rs"]
mod notices;
#[cfg(test)]
#[path = "it/permissions.rs"]
mod permissions;
#[cfg(test)]
#[path = "it/preview.rs"]
mod preview;
#[cfg(test)]
#[path = "it/probes.rs"]
mod probes;
#[cfg(test)]
#[path = "it/proxy.rs"]
mod proxy;
#[cfg(test)]
#[path = "it/reserve.rs"]
mod reserve;
#[cfg(test)]
#[path = "it/scenarios.rs"]
mod scenarios;
#[cfg(test)]
#[path = "it/serve.rs"]
mod serve;
#[cfg(test)]
#[path = "it/shipped.rs"]
mod shipped;
#[cfg(test)]
#[path = "it/snapshots.rs"]
mod snapshots;
#[cfg(test)]
#[path = "it/stripe_double.rs"]
mod stripe_double;
#[cfg(test)]
#[path = "it/traces.rs"]
mod traces;
#[cfg(test)]
#[path = "it/usage.rs"]
mod usage;
#[cfg(test)]
#[path = "it/webhook.rs"]
mod webhook;
