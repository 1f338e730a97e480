//! What must be so, and waits that end: each failure is an error that says what was seen.

use std::error::Error;
use std::fmt::Debug;
use std::future::Future;
use std::time::Duration;

use lapin::ErrorKind;
use lapin::protocol::AMQPError;

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// No event of a broker on the same machine takes this long.
const LIMIT: Duration = Duration::from_secs(20);

pub fn fail<T>(text: impl Into<String>) -> Outcome<T> {
    Err(text.into().into())
}

pub fn that(fact: bool, what: &str) -> Outcome {
    if fact { Ok(()) } else { fail(format!("not so: {what}")) }
}

pub fn equal<E: Debug, A: Debug + PartialEq<E>>(expected: E, actual: A, what: &str) -> Outcome {
    if actual == expected {
        return Ok(());
    }
    fail(format!("{what}: expected {expected:.400?}, got {actual:.400?}"))
}

pub fn starts(prefix: &str, actual: &str, what: &str) -> Outcome {
    that(actual.starts_with(prefix), &format!("{what} {actual:?} starts with {prefix:?}"))
}

/// The future's output, if it comes in time.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> Outcome<T> {
    match tokio::time::timeout(LIMIT, future).await {
        Ok(output) => Ok(output),
        Err(_) => fail(format!("{what} did not come within {LIMIT:?}")),
    }
}

/// The action must be answered with a close of this code by the broker.
pub async fn closed<T>(code: u16, text: &str, action: impl Future<Output = lapin::Result<T>>) -> Outcome {
    match soon("the refusal", action).await? {
        Ok(_) => fail(format!("expected a close with {code} {text}, nothing was refused")),
        Err(error) => closed_with(code, text, &error),
    }
}

pub fn closed_with(code: u16, text: &str, error: &lapin::Error) -> Outcome {
    let ErrorKind::ProtocolError(close) = error.kind() else {
        return fail(format!("expected a close with {code} {text}, got {error:?}"));
    };
    let close: &AMQPError = close;
    equal(code, close.get_id(), &format!("reply code of {:?}", close.get_message().as_str()))?;
    starts(text, close.get_message().as_str(), "the reply text")
}
