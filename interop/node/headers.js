/** The headers of `../headers.toml` as [name, tag, value], and what a client makes of them. */

const listed = [
  ["boolean-true", "t", true],
  ["boolean-false", "t", false],
  ["int8-min", "b", -128],
  ["int8-max", "b", 127],
  ["uint8-min", "B", 0],
  ["uint8-max", "B", 255],
  ["int16-min", "s", -32768],
  ["int16-max", "s", 32767],
  ["uint16-min", "u", 0],
  ["uint16-max", "u", 65535],
  ["int32-min", "I", -2147483648],
  ["int32-max", "I", 2147483647],
  ["uint32-min", "i", 0],
  ["uint32-max", "i", 4294967295],
  ["int64-min", "l", -9223372036854775808n],
  ["int64-max", "l", 9223372036854775807n],
  ["float", "f", 1.5],
  ["float-negative", "f", -0.0625],
  ["double", "d", 3.141592653589793],
  ["double-large", "d", -1.0e300],
  ["decimal", "D", { scale: 2, unscaled: 31416 }],
  ["decimal-whole", "D", { scale: 0, unscaled: 4294967295 }],
  ["timestamp", "T", 1700000000],
  ["timestamp-zero", "T", 0],
  ["text", "S", "grüße, 世界 🐇"],
  ["text-empty", "S", ""],
  ["text-long", "S", "0123456789".repeat(30)],
  ["octets", "x", Buffer.from("00ff80c3280d0a", "hex")],
  ["octets-empty", "x", Buffer.alloc(0)],
  ["void", "V", null],
  [
    "array",
    "A",
    [
      ["t", true],
      ["I", -7],
      ["S", "two"],
      ["V", null],
      ["A", [["l", 4294967296n]]],
      ["F", [["in", "S", "an array"]]],
    ],
  ],
  ["array-empty", "A", []],
  [
    "table",
    "F",
    [
      ["number", "I", 42],
      ["nothing", "V", null],
      ["clé", "S", "valeur"],
      ["deeper", "F", [["list", "A", [["F", [["deepest", "t", false]]]]]]],
    ],
  ],
  ["table-empty", "F", []],
];

/**
 * What a client decodes from that message, as entries in order. A 64-bit integer becomes the nearest number;
 * `forms` maps a tag to the function that makes the client's own value of it.
 */
export function everyType(forms) {
  const form = (tag, value) => {
    if (tag === "A") return value.map(([tag, item]) => form(tag, item));
    if (tag === "F") return Object.fromEntries(fields(value));
    if (tag === "l") return Number(value);
    return Object.hasOwn(forms, tag) ? forms[tag](value) : value;
  };
  const fields = (list) => list.map(([name, tag, value]) => [name, form(tag, value)]);
  return fields(listed);
}
