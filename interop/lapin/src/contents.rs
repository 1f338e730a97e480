//! What a message holds comes as it went: properties and body.

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{BasicProperties, Consumer};

use crate::broker::{ack, connected, consume, declare, delete, disconnect, name, next, publish};
use crate::expect::{Outcome, equal, that};
use crate::header_types::{table, text};

/// Octets that take every value (with 256 or more of them) and repeat in no power of two.
pub fn octets(size: usize, step: usize) -> Vec<u8> {
    (0..size).map(|i| (i * step + i / 256) as u8).collect()
}

pub async fn publish_consume() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("contents")?;
    let full = BasicProperties::default()
        .with_content_type("application/octet-stream".into())
        .with_content_encoding("identity".into())
        .with_headers(table([("kind", text("full"))]))
        .with_delivery_mode(2)
        .with_priority(5)
        .with_correlation_id("correlation-1".into())
        .with_reply_to("answers".into())
        .with_expiration("60000".into())
        .with_message_id("message-1".into())
        .with_timestamp(1_700_000_000)
        .with_type("test.full".into())
        .with_user_id("guest".into())
        .with_app_id("interop".into())
        .with_cluster_id("cluster".into());
    let none = BasicProperties::default();
    let accented = BasicProperties::default().with_headers(table([("clé-日本", text("été 🐇"))]));
    let body = octets(1000, 1);
    let words = "żółw, 亀, 🐢".as_bytes();

    channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::durable(), FieldTable::default()).await?;
    publish(&channel, "", &queue, full.clone(), &body).await?;
    publish(&channel, "", &queue, none.clone(), b"").await?;
    publish(&channel, "", &queue, accented.clone(), words).await?;
    let mut consumer = consume(&channel, &queue, "", false).await?;
    compare(&mut consumer, &queue, full, &body).await?;
    compare(&mut consumer, &queue, none, b"").await?;
    compare(&mut consumer, &queue, accented, words).await?;
    channel.close(200, "OK".into()).await?; // whatever was not acknowledged goes back to the queue
    let channel = connection.create_channel().await?;
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await
}

/// The next delivery has these properties and no other ones; it is acknowledged.
async fn compare(consumer: &mut Consumer, queue: &str, properties: BasicProperties, body: &[u8]) -> Outcome {
    let delivery = next(consumer).await?;
    equal("", delivery.exchange.as_str(), "exchange")?;
    equal(queue, delivery.routing_key.as_str(), "routing key")?;
    equal(false, delivery.redelivered, "redelivered")?;
    equal(&properties, &delivery.properties, "properties")?;
    equal(body.len(), delivery.data.len(), "size of the body")?;
    that(body == delivery.data, "the body is the one that was sent")?;
    ack(&delivery, false).await
}

pub async fn large_message() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("large")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    let bodies = [octets(10_485_760, 3), octets(10_485_760, 5)];
    for body in &bodies {
        publish(&channel, "", &queue, BasicProperties::default(), body).await?;
    }
    let mut consumer = consume(&channel, &queue, "", false).await?;
    for body in &bodies {
        compare(&mut consumer, &queue, BasicProperties::default(), body).await?;
    }
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await
}
