//! What a publisher learns about its messages: confirms, returns, transactions.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation};

use crate::broker::{ack, connected, declare, delete, disconnect, empty, got, name, see, send};
use crate::expect::{Outcome, equal, fail, soon, that};
use crate::header_types::{table, text};

pub async fn confirms() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("confirmed")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let mut open = Vec::new();
    for number in 0..200 {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        let body = format!("message {number}").into_bytes();
        open.push(channel.basic_publish("".into(), queue.as_str().into(), options, &body, properties).await?);
    }
    for confirm in open {
        equal(Confirmation::Ack(None), soon("the confirm", confirm).await??, "the confirm")?;
    }
    delete(&channel, &queue, 200).await?;

    let full = name("full")?;
    let arguments = table([("x-max-length", AMQPValue::LongInt(0)), ("x-overflow", text("reject-publish"))]);
    declare(&channel, &full, arguments).await?;
    equal(Confirmation::Nack(None), send(&channel, &full, "too many").await?, "the confirm of the refused message")?;
    delete(&channel, &full, 0).await?;
    disconnect(connection).await
}

async fn publish_mandatory(channel: &Channel, key: &str, properties: &BasicProperties) -> Outcome<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent = channel.basic_publish("".into(), key.into(), options, b"nobody wants it", properties.clone()).await?;
    Ok(soon("the confirm", sent).await??)
}

pub async fn mandatory() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let (queue, nowhere) = (name("routed")?, name("nowhere")?);
    declare(&channel, &queue, FieldTable::default()).await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let properties = BasicProperties::default()
        .with_content_type("text/plain".into())
        .with_message_id("lost".into())
        .with_delivery_mode(1)
        .with_headers(table([("n", AMQPValue::ShortInt(7))]));

    let Confirmation::Ack(Some(returned)) = publish_mandatory(&channel, &nowhere, &properties).await? else {
        return fail("the unroutable message was not returned before its ack");
    };
    equal(312, returned.reply_code, "reply code")?;
    equal("NO_ROUTE", returned.reply_text.as_str(), "reply text")?;
    equal("", returned.delivery.exchange.as_str(), "exchange")?;
    equal(nowhere.as_str(), returned.delivery.routing_key.as_str(), "routing key")?;
    equal(&properties, &returned.delivery.properties, "properties")?;
    equal(b"nobody wants it".as_slice(), returned.delivery.data.as_slice(), "body")?;

    let routed = publish_mandatory(&channel, &queue, &properties).await?;
    equal(Confirmation::Ack(None), routed, "the confirm of the routed message")?;
    that(channel.wait_for_confirms().await?.is_empty(), "nothing else came back")?;
    delete(&channel, &queue, 1).await?;
    disconnect(connection).await
}

/// Get the first message, see that one is left, and acknowledge it.
async fn acknowledge_first(channel: &Channel, queue: &str, redelivered: bool) -> Outcome {
    let first = got(channel, queue, false).await?;
    equal(b"first".as_slice(), first.delivery.data.as_slice(), "body")?;
    equal(1, first.message_count, "messages left")?;
    equal(redelivered, first.delivery.redelivered, "redelivered")?;
    ack(&first.delivery, false).await
}

async fn send_both(channel: &Channel, queue: &str) -> Outcome {
    send(channel, queue, "first").await?;
    send(channel, queue, "second").await?;
    Ok(())
}

pub async fn transactions() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let other = connection.create_channel().await?;
    let queue = name("tx")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    channel.tx_select().await?;
    send_both(&channel, &queue).await?;
    see(&channel, &queue).await?; // both have been read by then
    empty(&other, &queue).await?;
    channel.tx_rollback().await?;
    channel.tx_commit().await?;
    empty(&channel, &queue).await?;
    send_both(&channel, &queue).await?;
    channel.tx_commit().await?;

    acknowledge_first(&channel, &queue, false).await?;
    channel.tx_rollback().await?;
    channel.close(200, "OK".into()).await?;
    let channel = connection.create_channel().await?;
    channel.tx_select().await?;
    acknowledge_first(&channel, &queue, true).await?;
    channel.tx_commit().await?;
    channel.close(200, "OK".into()).await?;
    let second = got(&other, &queue, true).await?;
    equal(b"second".as_slice(), second.delivery.data.as_slice(), "body")?;
    equal(false, second.delivery.redelivered, "redelivered")?;
    equal(0, second.message_count, "messages left")?;
    delete(&other, &queue, 0).await?;
    disconnect(connection).await
}
