//! What a supervisor asks: is it alive, can it take commands, can it answer reports, what are its
//! figures.

use std::fmt;
use std::sync::Arc;

use axum::Router;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What it is, as `main: log`.
    pub name: String,
    /// Why it is not well.
    pub problem: Option<String>,
}

impl Check {
    /// A check and what is wrong, if anything.
    pub fn new(name: impl Into<String>, problem: Option<String>) -> Self {
        Self { name: name.into(), problem }
    }
}

/// What a daemon says of itself.
pub trait Status: Send + Sync + fmt::Debug {
    /// Whether the process works at all: one that does not is to be started again.
    fn live(&self) -> Vec<Check>;
    /// Whether commands can be stored now.
    fn ready(&self) -> Vec<Check>;
    /// Whether reports can be answered now.
    fn ready_for_reports(&self) -> Vec<Check>;
    /// Its figures, in the text format of Prometheus.
    fn metrics(&self) -> String;
}

/// The routes `/livez`, `/readyz`, `/readyz/reports` and `/metrics`.
pub(super) fn router(status: Arc<dyn Status>) -> Router {
    let [live, ready, reports, figures] = std::array::from_fn(|_| Arc::clone(&status));
    Router::new()
        .route("/livez", get(async move || answer(&live.live())))
        .route("/readyz", get(async move || answer(&ready.ready())))
        .route("/readyz/reports", get(async move || answer(&reports.ready_for_reports())))
        .route("/metrics", get(async move || metrics(figures.metrics())))
}

/// 200 where nothing is wrong, else 503; a line for each check.
fn answer(checks: &[Check]) -> Response {
    let is_well = checks.iter().all(|check| check.problem.is_none());
    let code = if is_well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let lines = checks.iter().map(|check| match &check.problem {
        None => format!("ok {}\n", check.name),
        Some(problem) => format!("failed {}: {}\n", check.name, problem.replace('\n', " ")),
    });
    let body: String = lines.collect();
    let headers =
        [(header::CONTENT_TYPE, "text/plain; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (code, headers, body).into_response()
}

fn metrics(body: String) -> Response {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, kind)], body).into_response()
}
