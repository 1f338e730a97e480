//! Settling: ack, nack, reject, with and without requeue, and what dead-lettering leaves in the headers.

use std::time::{SystemTime, UNIX_EPOCH};

use lapin::Channel;
use lapin::options::{BasicNackOptions, BasicQosOptions, BasicRejectOptions};
use lapin::types::{AMQPValue, FieldTable};

use crate::broker::{ack, connected, consume, declare, delete, disconnect, got, name, next, send};
use crate::expect::{Outcome, equal, fail, that};
use crate::header_types::{array, same, table, text};

pub async fn requeue() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let (queue, dead) = (name("work")?, name("dead")?);
    declare(&channel, &dead, FieldTable::default()).await?;
    let arguments = table([("x-dead-letter-exchange", text("")), ("x-dead-letter-routing-key", text(&dead))]);
    declare(&channel, &queue, arguments).await?;
    for number in 1..=5 {
        send(&channel, &queue, &number.to_string()).await?;
    }
    channel.basic_qos(5, BasicQosOptions::default()).await?;
    let mut consumer = consume(&channel, &queue, "", false).await?;
    let mut held = Vec::new();
    for number in 1..=5 {
        let delivery = next(&mut consumer).await?;
        equal(number.to_string().as_bytes(), delivery.data.as_slice(), "body")?;
        equal(false, delivery.redelivered, "redelivered")?;
        held.push(delivery);
    }
    held[0].acker.reject(BasicRejectOptions { requeue: false }).await?;
    held[1].acker.nack(BasicNackOptions { multiple: false, requeue: false }).await?;
    held[3].acker.nack(BasicNackOptions { multiple: false, requeue: true }).await?;
    ack(&held[4], false).await?;
    held[2].acker.reject(BasicRejectOptions { requeue: true }).await?;

    let again = [next(&mut consumer).await?, next(&mut consumer).await?];
    ack(&again[1], true).await?;
    let mut bodies: Vec<&[u8]> = again.iter().map(|delivery| delivery.data.as_slice()).collect();
    bodies.sort();
    equal(vec![b"3".as_slice(), b"4"], bodies, "what came again")?;
    that(again.iter().all(|delivery| delivery.redelivered), "both are redelivered")?;
    channel.close(200, "OK".into()).await?;

    let channel = connection.create_channel().await?;
    delete(&channel, &queue, 0).await?;
    died(&channel, &dead, &queue, b"1").await?;
    died(&channel, &dead, &queue, b"2").await?;
    delete(&channel, &dead, 0).await?;
    disconnect(connection).await
}

/// The next dead message died once, of a reject, just now.
async fn died(channel: &Channel, dead: &str, queue: &str, body: &[u8]) -> Outcome {
    let message = got(channel, dead, true).await?.delivery;
    equal(body, message.data.as_slice(), "body")?;
    let headers = message.properties.headers().as_ref().ok_or("a dead message has headers")?;
    let Some(AMQPValue::FieldArray(deaths)) = headers.inner().get("x-death") else {
        return fail(format!("x-death is no array: {headers:?}"));
    };
    let [AMQPValue::FieldTable(death)] = deaths.as_slice() else {
        return fail(format!("x-death is not one table: {deaths:?}"));
    };
    let Some(AMQPValue::Timestamp(time)) = death.inner().get("time") else {
        return fail(format!("the time of death is no timestamp: {death:?}"));
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    that((now - 600..now + 5).contains(time), "it died now")?;
    let expected = table([
        ("count", AMQPValue::LongLongInt(1)),
        ("exchange", text("")),
        ("queue", text(queue)),
        ("reason", text("rejected")),
        ("routing-keys", array(vec![text(queue)])),
        ("time", AMQPValue::Timestamp(*time)),
    ]);
    same(&expected, Some(death))?;
    for (key, value) in [("reason", "rejected"), ("queue", queue), ("exchange", "")] {
        let key = format!("x-first-death-{key}");
        equal(Some(&text(value)), headers.inner().get(key.as_str()), &key)?;
    }
    Ok(())
}
