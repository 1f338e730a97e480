<?php

// What was seen against what must be seen, type and all.

declare(strict_types=1);

final class Mismatch extends Exception
{
}

function shown(mixed $value): string
{
    $text = is_string($value) ? json_encode($value, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_UNICODE)
        : var_export($value, true);
    return strlen($text) > 400 ? substr($text, 0, 400) . '... (' . strlen($text) . ' octets)' : $text;
}

// 1 is neither 1.0 nor '1'; arrays have the same keys in the same order.
function same(string $what, mixed $actual, mixed $expected): void
{
    if ($actual !== $expected) {
        throw new Mismatch("$what: " . shown($actual) . ' where ' . shown($expected) . ' is right');
    }
}

function truly(string $what, bool $condition): void
{
    if (!$condition) {
        throw new Mismatch("not so: $what");
    }
}

/** The error that the call must raise. */
function raised(string $what, string $class, callable $call): Throwable
{
    try {
        $call();
    } catch (Throwable $error) {
        if ($error instanceof $class) {
            return $error;
        }
        throw $error;
    }
    throw new Mismatch("$what went through where $class is right");
}
