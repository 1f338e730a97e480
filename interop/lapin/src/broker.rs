//! The broker under test, as the environment names it: connections, queues, messages in and out.

use std::env;
use std::io::{Write, stdin, stdout};

use futures_lite::{StreamExt, future};
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};

use crate::expect::{Outcome, equal, fail, soon};

pub fn variable(name: &str) -> Outcome<String> {
    env::var(name).or_else(|_| fail(format!("the environment variable {name} is not set")))
}

/// `INTEROP_PREFIX-suffix`.
pub fn name(suffix: &str) -> Outcome<String> {
    Ok(format!("{}-{suffix}", variable("INTEROP_PREFIX")?))
}

/// Ask the runner, which alone can do things to the broker; return when it is done.
pub fn ask(request: &str) -> Outcome {
    println!("@ {request}");
    stdout().flush()?;
    let mut answer = String::new();
    stdin().read_line(&mut answer)?;
    equal("done\n", answer.as_str(), "the runner's answer")
}

// -- connections --

pub fn uri() -> Outcome<AMQPUri> {
    Ok(variable("AMQP_URL")?.parse::<AMQPUri>()?)
}

/// Options that name the connection and let a scenario see what happens to it.
pub fn options() -> Outcome<ConnectionProperties> {
    Ok(ConnectionProperties::default().with_connection_name(variable("INTEROP_PREFIX")?.into()))
}

pub async fn connected() -> Outcome<Connection> {
    Ok(soon("the connection", Connection::connect_uri(uri()?, options()?)).await??)
}

pub async fn disconnect(connection: Connection) -> Outcome {
    Ok(soon("close-ok", connection.close(200, "OK".into())).await??)
}

// -- queues --

pub async fn declare(channel: &Channel, queue: &str, arguments: FieldTable) -> Outcome {
    let declared = channel.queue_declare(queue.into(), QueueDeclareOptions::default(), arguments).await?;
    equal(queue, declared.name().as_str(), "the queue's name")
}

/// The queue's messages and consumers, by a passive declare.
pub async fn see(channel: &Channel, queue: &str) -> Outcome<(u32, u32)> {
    let passive = QueueDeclareOptions::default().passive();
    let seen = soon("declare-ok", channel.queue_declare(queue.into(), passive, FieldTable::default())).await??;
    equal(queue, seen.name().as_str(), "the queue's name")?;
    Ok((seen.message_count(), seen.consumer_count()))
}

/// Delete a queue that must have this many messages.
pub async fn delete(channel: &Channel, queue: &str, messages: u32) -> Outcome {
    let left = soon("delete-ok", channel.queue_delete(queue.into(), QueueDeleteOptions::default())).await??;
    equal(messages, left, "the deleted queue's messages")
}

// -- messages --

/// Publish; the confirmation comes where the channel confirms.
pub async fn publish(
    channel: &Channel,
    exchange: &str,
    key: &str,
    properties: BasicProperties,
    body: &[u8],
) -> Outcome<Confirmation> {
    let options = BasicPublishOptions::default();
    let sent = channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?;
    Ok(soon("the confirm", sent).await??)
}

/// Publish without properties through the default exchange.
pub async fn send(channel: &Channel, queue: &str, body: &str) -> Outcome<Confirmation> {
    publish(channel, "", queue, BasicProperties::default(), body.as_bytes()).await
}

pub async fn consume(channel: &Channel, queue: &str, tag: &str, no_ack: bool) -> Outcome<Consumer> {
    let options = BasicConsumeOptions { no_ack, ..BasicConsumeOptions::default() };
    let tag: ShortString = tag.into();
    Ok(soon("consume-ok", channel.basic_consume(queue.into(), tag, options, FieldTable::default())).await??)
}

pub async fn next(consumer: &mut Consumer) -> Outcome<Delivery> {
    match soon("a delivery", consumer.next()).await? {
        Some(delivery) => Ok(delivery?),
        None => fail("the consumer was cancelled"),
    }
}

/// Nothing has come for the consumer.
pub async fn nothing(consumer: &mut Consumer) -> Outcome {
    match future::poll_once(consumer.next()).await {
        None => Ok(()),
        Some(event) => fail(format!("expected no delivery, got {event:?}")),
    }
}

pub async fn ack(delivery: &Delivery, multiple: bool) -> Outcome {
    let acked = delivery.acker.ack(BasicAckOptions { multiple }).await?;
    equal(true, acked, "the ack is sent")
}

pub async fn get(channel: &Channel, queue: &str, no_ack: bool) -> Outcome<Option<BasicGetMessage>> {
    Ok(soon("get-ok", channel.basic_get(queue.into(), BasicGetOptions { no_ack })).await??)
}

/// Get a message that must be there.
pub async fn got(channel: &Channel, queue: &str, no_ack: bool) -> Outcome<BasicGetMessage> {
    match get(channel, queue, no_ack).await? {
        Some(message) => Ok(message),
        None => fail(format!("no message in {queue}")),
    }
}

pub async fn empty(channel: &Channel, queue: &str) -> Outcome {
    equal(None, get(channel, queue, true).await?, &format!("what {queue} holds"))
}
