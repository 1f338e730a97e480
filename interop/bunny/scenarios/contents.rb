# frozen_string_literal: true

# Properties and bodies, there and back.
module Contents
  PROPERTIES = {
    content_type: "application/octet-stream; v=1", content_encoding: "identity", headers: { "one" => 1 },
    delivery_mode: 2, priority: 5, correlation_id: "correlated", reply_to: "replies", expiration: "60000",
    message_id: "message 1", timestamp: 1_700_000_001, type: "event", user_id: "guest", app_id: "interop",
    cluster_id: "cluster"
  }.freeze
  # bunny sends these three even when they are not asked for; every other property is absent then.
  ALWAYS = { content_type: "application/octet-stream", delivery_mode: 2, priority: 0 }.freeze
  EVERY_OCTET = (0..999).map { |n| n % 256 }.pack("C*").freeze
  UTF8 = "Grüße, 世界 🌍"
  LARGE = 10_485_760

  def publish_consume
    channel = connect.create_channel
    name = queue_name("contents")
    channel.queue_declare(name)
    send_to(channel, name, EVERY_OCTET, **PROPERTIES)
    send_to(channel, name, "")
    send_to(channel, name, UTF8, headers: { "schlüssel" => "wärt" })
    inbox = Queue.new
    channel.basic_consume(name, channel.generate_consumer_tag, false) { |*delivery| inbox << delivery }
    arrived(inbox, EVERY_OCTET, PROPERTIES.merge(timestamp: Time.at(PROPERTIES[:timestamp])), name)
    arrived(inbox, "", ALWAYS, name)
    last = arrived(inbox, UTF8, ALWAYS.merge(headers: { "schlüssel" => "wärt" }), name)
    same("more messages", inbox.size, 0)
    channel.ack(last.delivery_tag, true)
    truly("the channel survived the acknowledgement", channel.open?)
    empty_after_close(channel, name)
  end

  def large_message
    channel = connect.create_channel
    name = queue_name("large")
    channel.queue_declare(name)
    bodies = [1, 2].map { |seed| Random.new(seed).bytes(LARGE) }
    bodies.each { |body| send_to(channel, name, body) }
    inbox = Queue.new
    channel.basic_consume(name, channel.generate_consumer_tag, false) { |*delivery| inbox << delivery }
    bodies.each do |body|
      delivery, _, got = take(inbox, "a large message")
      same("size", got.bytesize, LARGE)
      truly("every octet is the same", got.b == body)
      channel.ack(delivery.delivery_tag)
    end
  end

  private

  def arrived(inbox, body, properties, key)
    delivery, got, octets = take(inbox, "a message")
    same("body", octets, body)
    same("properties", got.to_hash, properties)
    same("exchange", delivery.exchange, "")
    same("routing key", delivery.routing_key, key)
    same("redelivered", delivery.redelivered?, false)
    delivery
  end

  # What was not acknowledged would be back in the queue by now.
  def empty_after_close(channel, name)
    connection = channel.connection
    channel.close
    same("message count", count(connection.create_channel, name), 0)
  end
end
