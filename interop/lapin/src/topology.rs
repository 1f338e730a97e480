//! Exchanges, queues, bindings.

use lapin::options::{
    BasicConsumeOptions, BasicGetOptions, ConfirmSelectOptions, ExchangeBindOptions, ExchangeDeclareOptions,
    ExchangeDeleteOptions, ExchangeUnbindOptions, QueueBindOptions, QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, ExchangeKind};

use crate::broker::{connected, consume, declare, delete, disconnect, empty, got, name, next, publish, see, send};
use crate::expect::{Outcome, closed, equal, starts};
use crate::header_types::{table, text};

const KINDS: [(&str, ExchangeKind); 4] = [
    ("direct", ExchangeKind::Direct),
    ("fanout", ExchangeKind::Fanout),
    ("topic", ExchangeKind::Topic),
    ("headers", ExchangeKind::Headers),
];
const LOCKED: &str = "RESOURCE_LOCKED - cannot obtain exclusive access to locked queue";

fn limited(length: i32) -> FieldTable {
    table([
        ("x-max-length", AMQPValue::LongInt(length)),
        ("x-message-ttl", AMQPValue::LongInt(60000)),
        ("x-dead-letter-exchange", text("")),
    ])
}

fn paint(colour: &str, size: i32) -> FieldTable {
    table([("colour", text(colour)), ("size", AMQPValue::LongInt(size))])
}

pub async fn declare_bind() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("bound")?;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    for (kind, declared) in KINDS {
        channel.exchange_declare(name(kind)?.into(), declared, durable, FieldTable::default()).await?;
    }
    channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), limited(1000)).await?;
    let mut any = paint("red", 3);
    any.insert("x-match".into(), text("any"));
    let none = FieldTable::default;
    for (kind, key, arguments) in
        [("direct", "red", none()), ("fanout", "", none()), ("topic", "a.*.#", none()), ("headers", "", any)]
    {
        let options = QueueBindOptions::default();
        channel.queue_bind(queue.as_str().into(), name(kind)?.into(), key.into(), options, arguments).await?;
    }
    let (fanout, direct) = (name("fanout")?, name("direct")?);
    let options = ExchangeBindOptions::default();
    let (to, from) = (fanout.as_str(), direct.as_str());
    channel.exchange_bind(to.into(), from.into(), "through".into(), options, none()).await?;

    route(&channel, &queue).await?;
    count(&channel, &queue).await?;

    let refused = connection.create_channel().await?;
    let again = refused.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), limited(5));
    closed(406, "PRECONDITION_FAILED - inequivalent arg 'x-max-length'", again).await?;
    let refused = connection.create_channel().await?;
    let passive = QueueDeclareOptions::default().passive();
    let missing = refused.queue_declare(name("missing")?.into(), passive, none());
    closed(404, "NOT_FOUND - no queue '", missing).await?;

    let options = ExchangeUnbindOptions::default();
    channel.exchange_unbind(to.into(), from.into(), "through".into(), options, none()).await?;
    delete(&channel, &queue, 0).await?;
    for (kind, _) in KINDS {
        channel.exchange_delete(name(kind)?.into(), ExchangeDeleteOptions::default()).await?;
    }
    let passive = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let gone = channel.exchange_declare(direct.into(), ExchangeKind::Direct, passive, none());
    closed(404, "NOT_FOUND - no exchange '", gone).await?;
    disconnect(connection).await
}

async fn to(channel: &Channel, kind: &str, key: &str, headers: Option<FieldTable>) -> Outcome {
    let properties = match headers {
        Some(headers) => BasicProperties::default().with_headers(headers),
        None => BasicProperties::default(),
    };
    publish(channel, &name(kind)?, key, properties, key.as_bytes()).await?;
    Ok(())
}

/// A message with this key arrives in the queue, and is all that is there.
async fn arrives(channel: &Channel, queue: &str, kind: &str, key: &str, headers: Option<FieldTable>) -> Outcome {
    to(channel, kind, key, headers).await?;
    let message = got(channel, queue, true).await?;
    equal(name(kind)?.as_str(), message.delivery.exchange.as_str(), "exchange")?;
    equal(key, message.delivery.routing_key.as_str(), "routing key")?;
    equal(key.as_bytes(), message.delivery.data.as_slice(), "body")?;
    equal(0, message.message_count, "messages left")
}

async fn is_missed(channel: &Channel, queue: &str, kind: &str, key: &str, headers: Option<FieldTable>) -> Outcome {
    to(channel, kind, key, headers).await?;
    empty(channel, queue).await
}

async fn route(channel: &Channel, queue: &str) -> Outcome {
    is_missed(channel, queue, "direct", "blue", None).await?;
    arrives(channel, queue, "direct", "red", None).await?;
    arrives(channel, queue, "fanout", "anything", None).await?;
    is_missed(channel, queue, "direct", "Through", None).await?;
    arrives(channel, queue, "direct", "through", None).await?;
    is_missed(channel, queue, "topic", "a", None).await?;
    is_missed(channel, queue, "topic", "b.a.c", None).await?;
    arrives(channel, queue, "topic", "a.b", None).await?;
    arrives(channel, queue, "topic", "a.b.c.d", None).await?;
    is_missed(channel, queue, "headers", "", Some(paint("blue", 4))).await?;
    is_missed(channel, queue, "headers", "", None).await?;
    arrives(channel, queue, "headers", "", Some(paint("red", 4))).await?;
    arrives(channel, queue, "headers", "", Some(table([("size", AMQPValue::LongInt(3))]))).await
}

/// A declare may overtake messages that are not confirmed yet.
async fn count(channel: &Channel, queue: &str) -> Outcome {
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    for _ in 0..3 {
        to(channel, "direct", "red", None).await?;
    }
    equal((3, 0), see(channel, queue).await?, "messages and consumers")?;
    equal(3, channel.queue_purge(queue.into(), QueuePurgeOptions::default()).await?, "the purged messages")?;
    equal((0, 0), see(channel, queue).await?, "messages and consumers after the purge")?;
    channel.queue_unbind(queue.into(), name("direct")?.into(), "red".into(), FieldTable::default()).await?;
    to(channel, "direct", "red", None).await?;
    empty(channel, queue).await
}

pub async fn exclusive() -> Outcome {
    let owner = connected().await?;
    let channel = owner.create_channel().await?;
    let declared = channel.queue_declare("".into(), QueueDeclareOptions::exclusive(), FieldTable::default()).await?;
    let queue = declared.name().to_string();
    starts("amq.gen-", &queue, "the broker's name")?;
    let mut consumer = consume(&channel, &queue, "", true).await?;
    send(&channel, &queue, "for me").await?;
    equal(b"for me".as_slice(), next(&mut consumer).await?.data.as_slice(), "body")?;
    let named = name("exclusive")?;
    let options = QueueDeclareOptions::exclusive();
    channel.queue_declare(named.as_str().into(), options, FieldTable::default()).await?;

    let other = connected().await?;
    let passive = QueueDeclareOptions::default().passive();
    let refused = other.create_channel().await?;
    closed(405, LOCKED, refused.queue_declare(queue.as_str().into(), passive, FieldTable::default())).await?;
    let refused = other.create_channel().await?;
    closed(405, LOCKED, refused.queue_declare(named.as_str().into(), options, FieldTable::default())).await?;
    let refused = other.create_channel().await?;
    let consuming = BasicConsumeOptions::default();
    closed(405, LOCKED, refused.basic_consume(queue.as_str().into(), "".into(), consuming, FieldTable::default()))
        .await?;
    let refused = other.create_channel().await?;
    closed(405, LOCKED, refused.basic_get(queue.as_str().into(), BasicGetOptions::default())).await?;
    disconnect(owner).await?;
    let refused = other.create_channel().await?;
    let gone = refused.queue_declare(queue.as_str().into(), passive, FieldTable::default());
    closed(404, "NOT_FOUND - no queue '", gone).await?;

    let alone = other.create_channel().await?;
    let shared = name("shared")?;
    declare(&alone, &shared, FieldTable::default()).await?;
    let only = BasicConsumeOptions { exclusive: true, ..consuming };
    // A consumer that is dropped is cancelled.
    let _held = alone.basic_consume(shared.as_str().into(), "".into(), only, FieldTable::default()).await?;
    let second = other.create_channel().await?;
    let refused = second.basic_consume(shared.as_str().into(), "".into(), consuming, FieldTable::default());
    closed(403, "ACCESS_REFUSED - queue '", refused).await?;
    delete(&alone, &shared, 0).await?;
    disconnect(other).await
}
