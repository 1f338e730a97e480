//! Values of header tables: every type that this client writes, and the runner's message.

use lapin::BasicProperties;
use lapin::types::AMQPValue::{
    Boolean, DecimalValue, Double, Float, LongInt, LongLongInt, LongUInt, ShortInt, ShortShortInt, ShortShortUInt,
    ShortUInt, Timestamp, Void,
};
use lapin::types::{AMQPValue, DecimalValue as Decimal, FieldArray, FieldTable, LongString};

use crate::broker::{connected, consume, declare, delete, disconnect, got, name, next, publish};
use crate::contents::octets;
use crate::expect::{Outcome, equal};

pub fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(LongString::from(value))
}

pub fn table<const N: usize>(fields: [(&str, AMQPValue); N]) -> FieldTable {
    let mut made = FieldTable::default();
    for (key, value) in fields {
        made.insert(key.into(), value);
    }
    made
}

pub fn array(items: Vec<AMQPValue>) -> AMQPValue {
    AMQPValue::FieldArray(FieldArray::from(items))
}

fn nested<const N: usize>(fields: [(&str, AMQPValue); N]) -> AMQPValue {
    AMQPValue::FieldTable(table(fields))
}

fn bytes(value: Vec<u8>) -> AMQPValue {
    AMQPValue::ByteArray(value.into())
}

fn decimal(scale: u8, value: u32) -> AMQPValue {
    DecimalValue(Decimal { scale, value })
}

/// Every type that the client writes, integers at both limits.
fn written() -> FieldTable {
    let long_key = "k".repeat(128);
    let inner = nested([("deep", array(vec![])), ("empty", nested([]))]);
    let mixed = vec![LongInt(1), LongLongInt(2), text("three"), Void, Boolean(true), bytes(vec![6]), inner.clone()];
    let mut headers = table([
        ("true", Boolean(true)),
        ("false", Boolean(false)),
        ("int8-min", ShortShortInt(i8::MIN)),
        ("int8-max", ShortShortInt(i8::MAX)),
        ("uint8-min", ShortShortUInt(u8::MIN)),
        ("uint8-max", ShortShortUInt(u8::MAX)),
        ("int16-min", ShortInt(i16::MIN)),
        ("int16-max", ShortInt(i16::MAX)),
        ("uint16-min", ShortUInt(u16::MIN)),
        ("uint16-max", ShortUInt(u16::MAX)),
        ("int32-min", LongInt(i32::MIN)),
        ("int32-max", LongInt(i32::MAX)),
        ("uint32-min", LongUInt(u32::MIN)),
        ("uint32-max", LongUInt(u32::MAX)),
        ("int64-min", LongLongInt(i64::MIN)),
        ("int64-max", LongLongInt(i64::MAX)),
        ("float", Float(-1.5)),
        ("float-max", Float(f32::MAX)),
        ("float-min", Float(f32::MIN_POSITIVE)),
        ("double", Double(std::f64::consts::PI)),
        ("double-max", Double(f64::MAX)),
        ("double-least", Double(5e-324)),
        ("decimal", decimal(5, 314_159)),
        ("decimal-zero", decimal(0, 0)),
        ("decimal-max", decimal(255, u32::MAX)),
        ("epoch", Timestamp(0)),
        ("timestamp", Timestamp(1_700_000_000)),
        ("timestamp-far", Timestamp(253_402_300_799)),
        ("text", text("żółw 🐢")),
        ("text-empty", text("")),
        ("text-long", text(&"0123456789".repeat(10_000))),
        ("octets", bytes(octets(256, 1))),
        ("octets-empty", bytes(vec![])),
        ("nothing", Void),
        ("array", array(mixed)),
        ("array-empty", array(vec![])),
        ("table", nested([("in", array(vec![inner.clone(), array(vec![])])), ("x", ShortShortInt(1))])),
        ("table-empty", nested([])),
        ("arrays", array(vec![array(vec![array(vec![inner])])])),
        ("schlüssel", text("non-ASCII key")),
        ("", text("an empty key")),
    ]);
    headers.insert(long_key.into(), text("a long key"));
    headers
}

/// The message of interop/headers.toml; a sign or a width that is lost would be another type here.
fn waiting() -> FieldTable {
    table([
        ("boolean-true", Boolean(true)),
        ("boolean-false", Boolean(false)),
        ("int8-min", ShortShortInt(-128)),
        ("int8-max", ShortShortInt(127)),
        ("uint8-min", ShortShortUInt(0)),
        ("uint8-max", ShortShortUInt(255)),
        ("int16-min", ShortInt(-32768)),
        ("int16-max", ShortInt(32767)),
        ("uint16-min", ShortUInt(0)),
        ("uint16-max", ShortUInt(65535)),
        ("int32-min", LongInt(-2_147_483_648)),
        ("int32-max", LongInt(2_147_483_647)),
        ("uint32-min", LongUInt(0)),
        ("uint32-max", LongUInt(4_294_967_295)),
        ("int64-min", LongLongInt(-9_223_372_036_854_775_808)),
        ("int64-max", LongLongInt(9_223_372_036_854_775_807)),
        ("float", Float(1.5)),
        ("float-negative", Float(-0.0625)),
        ("double", Double(std::f64::consts::PI)),
        ("double-large", Double(-1.0e300)),
        ("decimal", decimal(2, 31416)),
        ("decimal-whole", decimal(0, 4_294_967_295)),
        ("timestamp", Timestamp(1_700_000_000)),
        ("timestamp-zero", Timestamp(0)),
        ("text", text("grüße, 世界 🐇")),
        ("text-empty", text("")),
        ("text-long", text(&"0123456789".repeat(30))),
        ("octets", bytes(vec![0x00, 0xff, 0x80, 0xc3, 0x28, 0x0d, 0x0a])),
        ("octets-empty", bytes(vec![])),
        ("void", Void),
        (
            "array",
            array(vec![
                Boolean(true),
                LongInt(-7),
                text("two"),
                Void,
                array(vec![LongLongInt(4_294_967_296)]),
                nested([("in", text("an array"))]),
            ]),
        ),
        ("array-empty", array(vec![])),
        (
            "table",
            nested([
                ("number", LongInt(42)),
                ("nothing", Void),
                ("clé", text("valeur")),
                ("deeper", nested([("list", array(vec![nested([("deepest", Boolean(false))])]))])),
            ]),
        ),
        ("table-empty", nested([])),
    ])
}

/// The tables hold the same fields, type by type; the first difference is named.
pub fn same(expected: &FieldTable, actual: Option<&FieldTable>) -> Outcome {
    let actual = actual.ok_or("the message has no headers")?;
    for (key, value) in expected.inner() {
        equal(Some(value), actual.inner().get(key.as_str()), key.as_str())?;
    }
    equal(expected.inner().len(), actual.inner().len(), "how many fields there are")
}

pub async fn header_types() -> Outcome {
    let connection = connected().await?;
    let channel = connection.create_channel().await?;
    let queue = name("types")?;
    declare(&channel, &queue, FieldTable::default()).await?;
    let mut consumer = consume(&channel, &queue, "", true).await?;
    for headers in [written(), FieldTable::default()] {
        let properties = BasicProperties::default().with_headers(headers.clone());
        publish(&channel, "", &queue, properties.clone(), b"").await?;
        let delivery = next(&mut consumer).await?;
        same(&headers, delivery.properties.headers().as_ref())?;
        equal(properties, delivery.properties, "properties")?;
    }
    delete(&channel, &queue, 0).await?;

    let message = got(&channel, &name("headers")?, true).await?.delivery;
    equal(b"every type".as_slice(), message.data.as_slice(), "body")?;
    same(&waiting(), message.properties.headers().as_ref())?;
    equal(BasicProperties::default().with_headers(waiting()), message.properties, "the runner's properties")?;
    disconnect(connection).await
}
