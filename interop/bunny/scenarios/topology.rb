# frozen_string_literal: true

# Exchanges of every type, bindings, and what a queue says when it is declared again.
module Topology
  ARGUMENTS = { "x-max-length" => 1000, "x-message-ttl" => 60_000, "x-dead-letter-exchange" => "" }.freeze
  COLOURS = { "x-match" => "any", "colour" => "red", "size" => 3 }.freeze

  def declare_bind
    connection = connect
    channel = connection.create_channel
    channel.confirm_select
    queue = queue_name("bound")
    channel.queue_declare(queue, durable: true, arguments: ARGUMENTS)
    bind_each_type(channel, queue)
    bind_exchange(channel, queue)
    count_and_purge(channel, queue)
    unbind(channel, queue)
    declare_otherwise(connection, queue)
    delete_everything(channel, queue)
  end

  private

  def bind_each_type(channel, queue)
    { "direct" => { routing_key: "key" }, "fanout" => {}, "topic" => { routing_key: "a.*.#" },
      "headers" => { arguments: COLOURS } }.each do |type, binding|
      name = exchange_name(type)
      channel.exchange_declare(name, type, durable: true)
      channel.queue_bind(queue, name, **binding)
    end
    arrives(channel, queue, "direct", "key")
    arrives_not(channel, queue, "direct", "other")
    arrives(channel, queue, "fanout", "any.thing")
    arrives(channel, queue, "topic", "a.b")
    arrives(channel, queue, "topic", "a.b.c.d")
    arrives_not(channel, queue, "topic", "a")
    arrives(channel, queue, "headers", "", "size" => 3)
    arrives(channel, queue, "headers", "", "colour" => "red", "size" => 4)
    arrives_not(channel, queue, "headers", "", "size" => "3")
  end

  def bind_exchange(channel, queue)
    source = exchange_name("source")
    channel.exchange_declare(source, "direct", durable: true)
    channel.exchange_bind("#{prefix}-source", "#{prefix}-fanout", routing_key: "through")
    arrives(channel, queue, "source", "through")
    arrives_not(channel, queue, "source", "past")
    channel.exchange_unbind(source, "#{prefix}-fanout", routing_key: "through")
    arrives_not(channel, queue, "source", "through")
  end

  def count_and_purge(channel, queue)
    3.times { |number| channel.basic_publish(number.to_s, "#{prefix}-direct", "key") }
    channel.wait_for_confirms
    same("message count", count(channel, queue), 3)
    same("purged", channel.queue_purge(queue).message_count, 3)
    same("message count after the purge", count(channel, queue), 0)
  end

  def unbind(channel, queue)
    channel.queue_unbind(queue, "#{prefix}-direct", routing_key: "key")
    arrives_not(channel, queue, "direct", "key")
  end

  def declare_otherwise(connection, queue)
    error = closed_with(406, Bunny::PreconditionFailed) do
      connection.create_channel.queue_declare(queue, durable: true, arguments: ARGUMENTS.merge("x-max-length" => 5))
    end
    truly("the argument is named: #{error.message}", error.message.include?("x-max-length"))
    closed_with(404, Bunny::NotFound) { connection.create_channel.queue_declare("#{prefix}-none", passive: true) }
  end

  def delete_everything(channel, queue)
    send_to(channel, queue, "left")
    channel.wait_for_confirms
    same("messages deleted", channel.queue_delete(queue).message_count, 1)
    %w[direct fanout topic headers source].each { |type| channel.exchange_delete("#{prefix}-#{type}") }
    closed_with(404, Bunny::NotFound) { channel.exchange_declare("#{prefix}-direct", "direct", passive: true) }
  end

  def publish_through(channel, exchange, key, headers)
    body = "#{exchange} #{key} #{headers}"
    channel.basic_publish(body, "#{prefix}-#{exchange}", key, headers: headers)
    channel.wait_for_confirms
    body
  end

  def arrives(channel, queue, exchange, key, headers = {})
    body = publish_through(channel, exchange, key, headers)
    delivery, _, got = channel.basic_get(queue, manual_ack: false)
    truly("#{body} arrives", delivery)
    same("body", got, body)
    same("exchange", delivery.exchange, "#{prefix}-#{exchange}")
    same("routing key", delivery.routing_key, key)
  end

  def arrives_not(channel, queue, exchange, key, headers = {})
    body = publish_through(channel, exchange, key, headers)
    same("#{body} must not arrive", channel.basic_get(queue, manual_ack: false)[2], nil)
  end
end
