<?php

// Reads ../headers.toml: as much of TOML as that file uses, so that the list is written down once.

declare(strict_types=1);

final class HeaderList
{
    private int $at = 0;

    private function __construct(private readonly string $text)
    {
    }

    /** The entries in order, each with name, tag, type and, but for void, value. */
    public static function entries(string $file = __DIR__ . '/../headers.toml'): array
    {
        $entries = [];
        foreach (explode("[[header]]\n", file_get_contents($file)) as $number => $block) {
            if ($number > 0) {
                $entries[] = (new self($block))->pairs();
            }
        }
        truly('headers.toml has entries', $entries !== []);
        return $entries;
    }

    private function pairs(): array
    {
        $pairs = [];
        while ($this->skip() < strlen($this->text)) {
            $pairs += $this->pair();
        }
        return $pairs;
    }

    private function pair(): array
    {
        $name = $this->match('/\G(\w+)\s*=\s*/')[1];
        return [$name => $this->value()];
    }

    private function value(): mixed
    {
        return match ($this->text[$this->at]) {
            '"' => json_decode($this->match('/\G"(?:[^"\\\\]|\\\\.)*"/')[0], flags: JSON_THROW_ON_ERROR),
            '[' => $this->items(']', fn () => [$this->value()]),
            '{' => $this->items('}', fn () => $this->pair()),
            default => $this->scalar($this->match('/\G[\w.+-]+/')[0]),
        };
    }

    private function scalar(string $word): bool|int|float
    {
        return match (true) {
            $word === 'true' => true,
            $word === 'false' => false,
            $word === '-9223372036854775808' => PHP_INT_MIN,  // whose positive is no integer
            ctype_digit(ltrim($word, '-')) => (int) $word,
            default => (float) $word,
        };
    }

    private function items(string $end, callable $item): array
    {
        $items = [];
        for ($this->at++, $this->skip(); $this->text[$this->at] !== $end; $this->skip()) {
            $items = [...$items, ...$item()];
            $this->skip();
            if ($this->text[$this->at] === ',') {
                $this->at++;
            }
        }
        $this->at++;
        return $items;
    }

    /** Passes white space and comments; returns the position. */
    private function skip(): int
    {
        $this->match('/\G(?:\s+|#[^\n]*)*/');
        return $this->at;
    }

    private function match(string $pattern): array
    {
        truly("headers.toml can be read at {$this->at} of:\n{$this->text}",
            preg_match($pattern, $this->text, $found, 0, $this->at) === 1);
        $this->at += strlen($found[0]);
        return $found;
    }
}
