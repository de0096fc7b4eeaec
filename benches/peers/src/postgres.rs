//! The peers' PostgreSQL: its connections, and the proof that it loses nothing.

use std::time::Duration;

use benches::Outcome;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

/// Settings without which an acknowledged commit could be lost. They are PostgreSQL's defaults.
const MUST_BE_ON: [&str; 3] = ["fsync", "synchronous_commit", "full_page_writes"];

/// Connects, with as many connections as there are workers.
///
/// # Errors
/// Where the database cannot be reached, or could lose what it acknowledged.
pub(crate) async fn connect(url: &str, connections: usize) -> Outcome<PgPool> {
    let connections = u32::try_from(connections)?;
    let options = PgPoolOptions::new()
        .max_connections(connections)
        .min_connections(connections)
        .acquire_timeout(Duration::from_secs(30))
        // A ping before each query would cost the peers a round trip.
        .test_before_acquire(false);
    let pool = options.connect(url).await?;
    for name in MUST_BE_ON {
        let setting = show(&pool, name).await?;
        if setting != "on" {
            let what = format!("{name} is {setting}: turn it on, or the comparison is none");
            return Err(what.into());
        }
    }
    Ok(pool)
}

/// The version of the server.
///
/// # Errors
/// Where it does not answer.
pub(crate) async fn version(pool: &PgPool) -> Outcome<String> {
    show(pool, "server_version").await
}

/// How many events a table has, and how many bytes their payloads have on average.
///
/// # Errors
/// Where it does not answer.
pub(crate) async fn stored(pool: &PgPool, table: &str) -> Outcome<(u64, u64)> {
    let query = format!("SELECT count(*), avg(octet_length(payload::text))::bigint FROM {table}");
    let (count, bytes): (i64, Option<i64>) = sqlx::query_as(&query).fetch_one(pool).await?;
    Ok((count.try_into()?, bytes.unwrap_or_default().try_into()?))
}

/// Writes out what the last load left, so that the next one does not pay for it.
///
/// # Errors
/// Where it fails.
pub(crate) async fn settle(pool: &PgPool) -> Outcome<()> {
    sqlx::query("CHECKPOINT").execute(pool).await?;
    Ok(())
}

async fn show(pool: &PgPool, name: &str) -> Outcome<String> {
    let (setting,): (String,) =
        sqlx::query_as("SELECT current_setting($1)").bind(name).fetch_one(pool).await?;
    Ok(setting)
}
