//! Bodies of requests: whole, within a time, and not more of them at once than there is memory for.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{StatusCode, header};
use axum::response::Response;
use ledger_core::limits::{
    COMMAND_BYTES_MAX, GROUP_BYTES_MAX, HTTP_BODIES_BYTES_MAX, HTTP_BODY_WITHIN_MS,
};
use ledger_core::rejection::{Code, Rejection};
use schemas::reply::Reply;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;

use super::{Books, Shelf, json_response, rejection_response};

/// Room for bodies is counted in parts of so many bytes.
const UNIT: usize = 64 * 1024;
/// All the room there is.
pub(super) const UNITS: usize = HTTP_BODIES_BYTES_MAX / UNIT;

/// A body that has come as a whole.
#[derive(Debug)]
pub(crate) struct Whole {
    pub(crate) bytes: Bytes,
    /// Its places, for as long as it is worked on.
    _places: (OwnedSemaphorePermit, OwnedSemaphorePermit),
}

impl FromRequest<Books> for Whole {
    type Rejection = Response;

    async fn from_request(request: Request, books: &Books) -> Result<Self, Response> {
        if let Some(refused) = books.refused() {
            return Err(refused);
        }
        let length = request.headers().get(header::CONTENT_LENGTH);
        let length = length.and_then(|value| value.to_str().ok()?.parse().ok());
        let length = length.unwrap_or(GROUP_BYTES_MAX).min(GROUP_BYTES_MAX);
        // One command has room in any case: as many as there are connections are not much. So it never
        // waits for large bodies that are slow to come.
        let units = if length <= COMMAND_BYTES_MAX { 0 } else { length.div_ceil(UNIT) };
        let units = u32::try_from(units).unwrap_or(u32::MAX);
        let Shelf { requests, bodies, .. } = books.0.as_ref();
        let (requests, bodies) = (Arc::clone(requests), Arc::clone(bodies));
        let read = async {
            let place = requests.acquire_owned().await.ok()?;
            let room = bodies.acquire_many_owned(units).await.ok()?;
            Some((Bytes::from_request(request, &()).await, (place, room)))
        };
        match timeout(Duration::from_millis(HTTP_BODY_WITHIN_MS), read).await {
            Ok(Some((Ok(bytes), places))) => Ok(Self { bytes, _places: places }),
            Ok(Some((Err(error), _))) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                let message = format!(
                    "a request has at most {GROUP_BYTES_MAX} bytes; send the lines in parts"
                );
                Err(rejection_response(&Rejection::new(Code::CommandTooLarge, message)))
            }
            Ok(Some((Err(error), _))) => {
                let message = format!("the request's body cannot be read: {error}");
                Err(rejection_response(&Rejection::new(Code::CommandMalformed, message)))
            }
            Ok(None) | Err(_) => {
                let message = format!(
                    "the request's body has not come within {} seconds; send it again",
                    HTTP_BODY_WITHIN_MS / 1_000
                );
                let rejection = Rejection::new(Code::CommandMalformed, message);
                let body = Reply::rejected(None, &rejection).to_bytes();
                Err(json_response(StatusCode::REQUEST_TIMEOUT.as_u16(), body))
            }
        }
    }
}
