<?php

// Every type that a header's value can have, there and back, and as another client has written them.

declare(strict_types=1);

use PhpAmqpLib\Wire\AMQPAbstractCollection as T;

// The library reads floats, but does not write them.
const EVERY_TYPE = [
    'true' => [T::T_BOOL, true], 'false' => [T::T_BOOL, false],
    'int8 lowest' => [T::T_INT_SHORTSHORT, -128], 'int8 highest' => [T::T_INT_SHORTSHORT, 127],
    'uint8 highest' => [T::T_INT_SHORTSHORT_U, 255],
    'int16 lowest' => [T::T_INT_SHORT, -32_768], 'int16 highest' => [T::T_INT_SHORT, 32_767],
    'uint16 highest' => [T::T_INT_SHORT_U, 65_535],
    'int32 lowest' => [T::T_INT_LONG, -2_147_483_648], 'int32 highest' => [T::T_INT_LONG, 2_147_483_647],
    'uint32 highest' => [T::T_INT_LONG_U, 4_294_967_295],
    'int64 lowest' => [T::T_INT_LONGLONG, PHP_INT_MIN], 'int64 highest' => [T::T_INT_LONGLONG, PHP_INT_MAX],
    'decimal' => [T::T_DECIMAL, [2, 31_416]], 'negative decimal' => [T::T_DECIMAL, [255, -2_147_483_648]],
    'timestamp' => [T::T_TIMESTAMP, 1_700_000_000], 'epoch' => [T::T_TIMESTAMP, 0],
    'last timestamp' => [T::T_TIMESTAMP, '18446744073709551615'],  // no integer of PHP's
    'text' => [T::T_STRING_LONG, 'Grüße, 世界'], 'empty text' => [T::T_STRING_LONG, ''],
    'octets' => [T::T_BYTES, "\x00\xff\x80\xce"], 'no octets' => [T::T_BYTES, ''], 'nothing' => [T::T_VOID, null],
    'array' => [T::T_ARRAY, [
        [T::T_BOOL, true], [T::T_VOID, null], [T::T_INT_SHORT, -2], [T::T_STRING_LONG, 'text'],
        [T::T_ARRAY, [[T::T_ARRAY, []], [T::T_DECIMAL, [0, 7]]]], [T::T_TABLE, ['in' => [T::T_BYTES, 'array']]],
    ]],
    'table' => [T::T_TABLE, [
        'array' => [T::T_ARRAY, [[T::T_TABLE, ['table' => [T::T_TABLE, ['in' => [T::T_TIMESTAMP, 1]]]]]]],
        'schlüssel' => [T::T_VOID, null],
    ]],
    'empty array' => [T::T_ARRAY, []], 'empty table' => [T::T_TABLE, []],
];

function header_types(Session $session): void
{
    $channel = $session->channel();
    $name = declare_queue($channel, $session->queue('types'));
    $long = ['long text' => [T::T_STRING_LONG, str_repeat('x', 70_000)], str_repeat('k', 128) => [T::T_BOOL, true]];
    send($channel, $name, '', with_table(['application_headers' => EVERY_TYPE + $long]));
    same_fields(properties_of($channel->basic_get($name, true))['application_headers'], EVERY_TYPE + $long);

    $message = $channel->basic_get("{$session->prefix}-headers", true);
    truly('the runner has put a message into its queue', $message !== null);
    same('body', $message->getBody(), 'every type');
    same('properties', array_keys($message->get_properties()), ['application_headers']);
    same_fields(properties_of($message)['application_headers'], listed_fields(HeaderList::entries()));
}

function same_fields(array $actual, array $expected): void
{
    same('names', array_keys($actual), array_keys($expected));
    foreach ($expected as $name => $field) {
        same((string) $name, $actual[$name], $field);
    }
}

/** Entries of headers.toml as name => [type, value]; those of an array have no name. */
function listed_fields(array $entries): array
{
    $fields = [];
    foreach ($entries as $entry) {
        $field = [T::getDataTypeForSymbol($entry['tag']), listed_value($entry)];
        isset($entry['name']) ? $fields[$entry['name']] = $field : $fields[] = $field;
    }
    return $fields;
}

function listed_value(array $entry): mixed
{
    return match ($entry['tag']) {
        'A', 'F' => listed_fields($entry['value']),
        'D' => listed_decimal($entry['value']),
        'x' => hex2bin($entry['value']),
        'V' => null,
        default => $entry['value'],
    };
}

/** The library reads the unscaled value as a signed integer. */
function listed_decimal(string $text): array
{
    [$whole, $fraction] = explode('.', $text . '.');
    $unscaled = (int) ($whole . $fraction);
    return [strlen($fraction), $unscaled > 2_147_483_647 ? $unscaled - 4_294_967_296 : $unscaled];
}
