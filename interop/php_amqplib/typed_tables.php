<?php

// Tables as lists of [type, value], in both directions: php-amqplib's own native form loses the types.

declare(strict_types=1);

use PhpAmqpLib\Wire\AMQPAbstractCollection as T;
use PhpAmqpLib\Wire\AMQPArray;
use PhpAmqpLib\Wire\AMQPDecimal;
use PhpAmqpLib\Wire\AMQPTable;

/** A table; what is not [type, value] gets the type that the library gives it. */
function typed_table(array $fields): AMQPTable
{
    $table = new AMQPTable();
    foreach ($fields as $name => $field) {
        [$type, $value] = is_array($field) ? [$field[0], wire_value($field)] : [null, $field];
        $table->set((string) $name, $value, $type);
    }
    return $table;
}

function wire_value(array $field): mixed
{
    [$type, $value] = $field;
    if ($type === T::T_TABLE) {
        return typed_table($value);
    }
    if ($type !== T::T_ARRAY) {
        return $type === T::T_DECIMAL ? new AMQPDecimal($value[1], $value[0]) : $value;
    }
    $array = new AMQPArray();
    foreach ($value as $item) {
        $array->push(wire_value($item), $item[0]);
    }
    return $array;
}

/** What the library has decoded, as name => [type, value]; a decimal is [scale, unscaled]. */
function typed_fields(T $collection): array
{
    $fields = [];
    foreach ($collection as $name => [$type, $value]) {
        if ($value instanceof T) {
            $value = typed_fields($value);
        } elseif ($value instanceof AMQPDecimal) {
            $value = [$value->getE(), $value->getN()];
        } elseif ($type === T::T_BOOL) {
            truly("boolean $name is one octet, 0 or 1", in_array($value, [0, 1, true, false], true));
            $value = (bool) $value;
        }
        $fields[$name] = [$type, $value];
    }
    return $fields;
}
