//! Making a connection: its options, its heartbeats, TLS.

use std::fs;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::tcp::OwnedTLSConfig;
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Connection, runtime};

use crate::broker::{connected, declare, delete, disconnect, got, name, options, publish, see, uri, variable};
use crate::contents::octets;
use crate::expect::{Outcome, closed, equal, fail, soon, that};

pub async fn connect_options() -> Outcome {
    let mut asked = uri()?;
    asked.query.heartbeat = Some(30);
    asked.query.frame_max = Some(65536);
    asked.query.channel_max = Some(100);
    let connection = soon("the connection", Connection::connect_uri(asked, options()?)).await??;
    equal(30, connection.configuration().heartbeat(), "heartbeat")?;
    equal(65536, connection.configuration().frame_max(), "frame-max")?;
    equal(100, connection.configuration().channel_max(), "channel-max")?;

    let first = connection.create_channel().await?;
    let second = connection.create_channel().await?;
    let queue = name("options")?;
    declare(&first, &queue, FieldTable::default()).await?;
    equal((0, 0), see(&second, &queue).await?, "the queue seen on the other channel")?;
    delete(&second, &queue, 0).await?;
    second.close(200, "OK".into()).await?;
    first.close(200, "OK".into()).await?;
    disconnect(connection).await?;

    let mut wrong = uri()?;
    wrong.authority.userinfo.password = "wrong".into();
    closed(403, "ACCESS_REFUSED - Login was refused", Connection::connect_uri(wrong, options()?)).await?;
    let mut missing = uri()?;
    missing.vhost = name("missing")?;
    closed(530, "NOT_ALLOWED - vhost", Connection::connect_uri(missing, options()?)).await
}

pub async fn heartbeats() -> Outcome {
    let mut asked = uri()?;
    asked.query.heartbeat = Some(1);
    let connection = soon("the connection", Connection::connect_uri(asked, options()?)).await??;
    equal(1, connection.configuration().heartbeat(), "heartbeat")?;
    let channel = connection.create_channel().await?;
    tokio::time::sleep(Duration::from_secs(4)).await;
    that(connection.status().connected(), "the connection is open after 4 s without traffic")?;
    let queue = name("idle")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await
}

async fn connect_by_tls(authority: Option<String>) -> Outcome<lapin::Result<Connection>> {
    let address = variable("AMQPS_URL")?.parse::<AMQPUri>()?;
    let config = OwnedTLSConfig { identity: None, cert_chain: authority };
    let connecting = Connection::connect_uri_with_config(address, options()?, config, runtime::default_runtime()?);
    soon("the connection", connecting).await
}

pub async fn tls() -> Outcome {
    let authority = fs::read_to_string(variable("AMQP_CA_FILE")?)?;
    let connection = connect_by_tls(Some(authority)).await??;
    let channel = connection.create_channel().await?;
    let queue = name("tls")?;
    let body = octets(100_000, 7);
    channel.queue_declare(queue.as_str().into(), QueueDeclareOptions::default(), FieldTable::default()).await?;
    publish(&channel, "", &queue, BasicProperties::default(), &body).await?;
    equal(body, got(&channel, &queue, true).await?.delivery.data, "body")?;
    delete(&channel, &queue, 0).await?;
    disconnect(connection).await?;

    match connect_by_tls(None).await? {
        Ok(_) => fail("a certificate of an unknown authority was accepted"),
        Err(error) => that(error.to_string().contains("certificate verify failed"), &format!("untrusted: {error}")),
    }?;
    disconnect(connected().await?).await
}
