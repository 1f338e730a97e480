# frozen_string_literal: true

require "timeout"

# What was seen against what must be seen, type and all; and waiting for it, with a deadline.
module Comparing
  DEADLINE = 20

  class Mismatch < StandardError; end

  # Text comes from the socket without an encoding: octets are compared, and 1 is not 1.0.
  def same(what, actual, expected)
    return if octets(actual).eql?(octets(expected))

    raise Mismatch, "#{what}: #{shown(actual)} where #{shown(expected)} is right"
  end

  def truly(what, condition)
    raise Mismatch, "not so: #{what}" unless condition
  end

  # The error that the block must raise.
  def raised(what, *classes)
    yield
  rescue *classes => e
    e
  else
    raise Mismatch, "#{what} went through where #{classes.join(" or ")} is right"
  end

  # The channel-level error that the block must raise, with its reply code.
  def closed_with(code, klass, &block)
    error = raised("what must be answered with #{code}", klass, &block)
    same("reply code", error.channel_close.reply_code, code)
    error
  end

  # The next event from a queue that another thread fills.
  def take(queue, what)
    Timeout.timeout(DEADLINE) { queue.pop }
  rescue Timeout::Error
    raise Mismatch, "#{what} did not come within #{DEADLINE} s"
  end

  private

  def octets(value)
    case value
    when String then value.b
    when Array then value.map { |item| octets(item) }
    when Hash then value.to_h { |key, item| [octets(key.is_a?(Symbol) ? key.to_s : key), octets(item)] }
    else value
    end
  end

  def shown(value)
    text = value.inspect
    text.length > 400 ? "#{text[0, 400]}... (#{text.length} characters)" : text
  end
end
