//! What the broker does to a client: closing its connection, blocking it.

use std::time::Duration;

use futures_lite::{Stream, StreamExt};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, Event};

use crate::broker::{ask, connected, consume, declare, delete, disconnect, got, name, next, options, send, uri};
use crate::expect::{Outcome, closed_with, equal, fail, soon};

/// The next event that tells of trouble or its end.
async fn event(events: &mut (impl Stream<Item = Event> + Unpin), what: &str) -> Outcome<Event> {
    loop {
        match soon(what, events.next()).await? {
            Some(Event::Connected | Event::SendFlow(_)) => {}
            Some(event) => return Ok(event),
            None => return fail(format!("the events ended before {what}")),
        }
    }
}

/// Two connections are closed: one that reports it, and one that the client recovers by itself.
pub async fn reconnect() -> Outcome {
    let reporting = connected().await?;
    let mut events = Box::pin(reporting.events_listener());
    let recovering = options()?
        .enable_auto_recover()
        .configure_backoff(|backoff| backoff.with_min_delay(Duration::from_millis(100)).with_max_times(50));
    let connection = soon("the connection", Connection::connect_uri(uri()?, recovering)).await??;
    let channel = connection.create_channel().await?;
    let queue = name("durable")?;
    channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut consumer = consume(&channel, &queue, "", true).await?;
    equal(Confirmation::Ack(None), send(&channel, &queue, "before").await?, "the confirm")?;
    equal(b"before".as_slice(), next(&mut consumer).await?.data.as_slice(), "body")?;

    ask("close-connections")?;
    match event(&mut events, "the report of the close").await? {
        Event::Error(error) => closed_with(320, "CONNECTION_FORCED", &error)?,
        other => return fail(format!("expected the error, got {other:?}")),
    }
    while let Err(error) = publish_confirmed(&channel, &queue).await? {
        soon("the recovery", channel.wait_for_recovery(error)).await??;
    }
    equal(b"after".as_slice(), next(&mut consumer).await?.data.as_slice(), "body")?;
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await
}

/// Publish `after`; the error is the client's, of the publish or of the wait for its confirm.
async fn publish_confirmed(channel: &Channel, queue: &str) -> Outcome<lapin::Result<()>> {
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    let confirm = match channel.basic_publish("".into(), queue.into(), options, b"after", properties).await {
        Ok(confirm) => soon("the confirm", confirm).await?,
        Err(error) => Err(error),
    };
    match confirm {
        Ok(confirmation) => equal(Confirmation::Ack(None), confirmation, "the confirm").map(Ok),
        Err(error) => Ok(Err(error)),
    }
}

pub async fn blocked() -> Outcome {
    let connection = connected().await?;
    let mut events = Box::pin(connection.events_listener());
    let channel = connection.create_channel().await?;
    let queue = name("blocked")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    ask("block")?;
    send(&channel, &queue, "patience").await?;
    match event(&mut events, "connection.blocked").await? {
        Event::ConnectionBlocked(reason) => equal("low on memory", reason.as_str(), "reason")?,
        other => return fail(format!("expected connection.blocked, got {other:?}")),
    }
    ask("unblock")?;
    match event(&mut events, "connection.unblocked").await? {
        Event::ConnectionUnblocked => {}
        other => return fail(format!("expected connection.unblocked, got {other:?}")),
    }
    equal(b"patience".as_slice(), got(&channel, &queue, true).await?.delivery.data.as_slice(), "body")?;
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await
}
