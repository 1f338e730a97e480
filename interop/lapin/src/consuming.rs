//! Taking messages: basic.get, prefetch, cancel, direct reply-to.

use futures_lite::StreamExt;
use lapin::message::BasicGetMessage;
use lapin::options::{BasicCancelOptions, BasicQosOptions, ConfirmSelectOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};

use crate::broker::{self, ack, connected, consume, declare, delete, disconnect, empty, got, name, next, nothing};
use crate::broker::{publish, see, send};
use crate::expect::{Outcome, equal, soon, starts, that};

async fn expect(
    channel: &Channel,
    queue: &str,
    no_ack: bool,
    body: &str,
    left: u32,
    again: bool,
) -> Outcome<BasicGetMessage> {
    let message = got(channel, queue, no_ack).await?;
    equal(body.as_bytes(), message.delivery.data.as_slice(), "body")?;
    equal(left, message.message_count, "messages left")?;
    equal(again, message.delivery.redelivered, "redelivered")?;
    equal("", message.delivery.exchange.as_str(), "exchange")?;
    equal(queue, message.delivery.routing_key.as_str(), "routing key")?;
    Ok(message)
}

pub async fn get() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("get")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    equal(None, broker::get(&channel, &queue, false).await?, "what an empty queue gives")?;
    for body in ["one", "two", "three"] {
        send(&channel, &queue, body).await?;
    }
    ack(&expect(&channel, &queue, false, "one", 2, false).await?.delivery, false).await?;
    expect(&channel, &queue, true, "two", 1, false).await?;
    expect(&channel, &queue, false, "three", 0, false).await?;
    channel.close(200, "OK".into()).await?;
    let channel = connection.create_channel().await?;
    expect(&channel, &queue, true, "three", 0, true).await?;
    empty(&channel, &queue).await?;
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await
}

pub async fn prefetch() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("prefetch")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    for number in 1..=10 {
        send(&channel, &queue, &number.to_string()).await?;
    }
    channel.basic_qos(3, BasicQosOptions::default()).await?;
    let mut consumer = consume(&channel, &queue, "", false).await?;
    let mut held = Vec::new();
    for number in 1..=10_u64 {
        if number > 3 {
            see(&channel, &queue).await?; // all that was sent before the answer is here by then
            nothing(&mut consumer).await?;
            ack(&held.remove(0), false).await?;
        }
        let delivery = next(&mut consumer).await?;
        equal(number.to_string().as_bytes(), delivery.data.as_slice(), "body")?;
        equal(number, delivery.delivery_tag, "delivery tag")?;
        held.push(delivery);
    }
    ack(&held[2], true).await?;
    equal((0, 1), see(&channel, &queue).await?, "messages and consumers")?;
    nothing(&mut consumer).await?;
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await
}

pub async fn cancel() -> Outcome {
    let connection = connected().await?;
    let other = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("cancel")?;
    let tag = name("tag")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    let mut first = consume(&channel, &queue, &tag, true).await?;
    equal(tag.as_str(), first.tag().as_str(), "consumer tag")?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    send(&channel, &queue, "1").await?;
    equal(b"1".as_slice(), next(&mut first).await?.data.as_slice(), "body")?;
    channel.basic_cancel(tag.as_str().into(), BasicCancelOptions::default()).await?;
    send(&channel, &queue, "2").await?; // confirmed: a declare may overtake what is not
    equal((1, 0), see(&channel, &queue).await?, "messages and consumers after the cancel")?;
    that(soon("the consumer's end", first.next()).await?.is_none(), "no delivery after the cancel")?;

    let mut second = consume(&channel, &queue, "", true).await?;
    starts("amq.ctag-", second.tag().as_str(), "the broker's tag")?;
    equal(b"2".as_slice(), next(&mut second).await?.data.as_slice(), "body")?;
    let deleting = other.create_channel().await?;
    delete(&deleting, &queue, 0).await?;
    that(soon("the broker's cancel", second.next()).await?.is_none(), "the consumer ends without an error")?;
    that(channel.status().connected(), "the channel is still open")?;
    disconnect(other).await?;
    disconnect(connection).await
}

pub async fn reply_to() -> Outcome {
    let (requesting, responding) = (connected().await?, connected().await?);
    let requester = requesting.create_channel().await?;
    let responder = responding.create_channel().await?;
    let requests = name("requests")?;
    declare(&responder, &requests, FieldTable::default()).await?;
    let mut inbox = consume(&responder, &requests, "", true).await?;
    let mut answers = consume(&requester, "amq.rabbitmq.reply-to", "", true).await?;
    for number in 1..=10 {
        let properties = BasicProperties::default()
            .with_reply_to("amq.rabbitmq.reply-to".into())
            .with_correlation_id(format!("request-{number}").into());
        publish(&requester, "", &requests, properties, number.to_string().as_bytes()).await?;
    }
    for _ in 1..=10 {
        let request = next(&mut inbox).await?;
        let address = request.properties.reply_to().as_ref().ok_or("the request has no reply-to")?.as_str();
        starts("amq.rabbitmq.reply-to.", address, "the request's reply-to")?;
        let id = request.properties.correlation_id().clone().ok_or("the request has no correlation-id")?;
        let properties = BasicProperties::default().with_correlation_id(id);
        publish(&responder, "", address, properties, &[b"answer ", request.data.as_slice()].concat()).await?;
    }
    for number in 1..=10 {
        let answer = next(&mut answers).await?;
        equal(format!("answer {number}").as_bytes(), answer.data.as_slice(), "body")?;
        let id = format!("request-{number}").into();
        equal(BasicProperties::default().with_correlation_id(id), answer.properties, "the answer's properties")?;
    }
    delete(&responder, &requests, 0).await?;
    disconnect(responding).await?;
    disconnect(requesting).await
}
