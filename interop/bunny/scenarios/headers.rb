# frozen_string_literal: true

require "bigdecimal"

# Every type that bunny can encode, there and back. The runner's message is left where it is: bunny's decoder knows no
# unsigned integers (types B, u and i), and its reader thread ends with the message that holds one.
module Headers
  # What bunny encodes: every integer as 64 bits, a decimal without fraction, a time in whole seconds. Its decoder
  # leaves a last value of less than four octets unread, so that none stands at an end.
  VALUES = {
    "true" => true, "false" => false, "nothing" => nil,
    "zero" => 0, "minus one" => -1, "lowest" => -(2**63), "highest" => 2**63 - 1,
    "double" => 0.1, "negative double" => -1.5e300, "smallest double" => 5e-324,
    "decimal" => BigDecimal("123456"), "time" => Time.at(1_700_000_000), "epoch" => Time.at(0),
    "text" => "Grüße, 世界", "empty text" => "", "long text" => "x" * 70_000, "octets" => "\x00\xff\x80".b,
    "array" => [true, nil, -5, 2.5, "text", [1, [2, "deep"]], { "in" => "array" }, Time.at(1)],
    "table" => { "nothing" => nil, "array" => [{ "table" => { "in" => [{ "array" => 1 }] } }], "text" => "end" },
    "empty table" => {}, "empty array" => [],
    "schlüssel".b => "wärt", "k" * 255 => "the longest key", "last" => "end"
  }.freeze

  def header_types
    channel = connect.create_channel
    name = queue_name("types")
    channel.queue_declare(name)
    float32 = { "single" => AMQ::Protocol::Float32Bit.new(0.15625) }
    send_to(channel, name, "", headers: VALUES.merge(float32))
    _, properties, = channel.basic_get(name, manual_ack: false)
    each_same(properties[:headers], VALUES.merge("single" => 0.15625))
  end

  private

  def each_same(got, expected)
    same("keys", got.keys.sort, expected.keys.map(&:b).sort)
    expected.each { |key, value| same(key, got.fetch(key.b), value) }
  end
end
