//! What a user sees of one call.

use http::{Response, StatusCode, header::RETRY_AFTER};

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Seen {
    Answer(StatusCode),
    /// 503 with `Retry-After`.
    Refusal,
    /// A head, and less of a body than it promised.
    BrokeOff,
    NoConnection,
    /// The connection ended, and there was none.
    NoAnswer,
    TooLate,
}

/// What it comes to for a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    Success,
    Refusal,
    Failure,
    /// Says nothing of how well the service is: 4xx.
    Other,
}

impl Seen {
    pub(crate) fn head<B>(response: &Response<B>) -> Self {
        match response.status() {
            StatusCode::SERVICE_UNAVAILABLE if response.headers().contains_key(RETRY_AFTER) => Self::Refusal,
            status => Self::Answer(status),
        }
    }

    pub(crate) fn kind(self) -> Kind {
        match self {
            Self::Answer(status) if status.is_server_error() => Kind::Failure,
            Self::Answer(status) if status.is_client_error() => Kind::Other,
            Self::Answer(_) => Kind::Success,
            Self::Refusal => Kind::Refusal,
            Self::BrokeOff | Self::NoConnection | Self::NoAnswer | Self::TooLate => Kind::Failure,
        }
    }

    pub(crate) fn words(self) -> String {
        match self {
            Self::Answer(status) => status.to_string(),
            Self::Refusal => "503 with Retry-After".to_owned(),
            Self::BrokeOff => "the answer broke off".to_owned(),
            Self::NoConnection => "no connection".to_owned(),
            Self::NoAnswer => "no answer: the connection ended".to_owned(),
            Self::TooLate => "no answer by the deadline".to_owned(),
        }
    }
}
