# frozen_string_literal: true

# Getting, settling, prefetch and replies.
module Consuming
  def get
    connection = connect
    channel = connection.create_channel
    name = queue_name("get")
    channel.queue_declare(name)
    same("from an empty queue", channel.basic_get(name), [nil, nil, nil])
    send_all(channel, name, %w[1 2 3])
    first = got(channel.basic_get(name), "1", false)
    same("message count", first.message_count, 2)
    channel.ack(first.delivery_tag)
    got(channel.basic_get(name, manual_ack: false), "2", false)
    got(channel.basic_get(name), "3", false)
    channel.close
    channel = connection.create_channel
    last = got(channel.basic_get(name), "3", true)
    channel.ack(last.delivery_tag)
    same("at the end", channel.basic_get(name), [nil, nil, nil])
  end

  def requeue
    connection = connect
    channel = connection.create_channel
    name, dead = queue_name("requeue"), queue_name("dead")
    channel.queue_declare(dead)
    channel.queue_declare(name, arguments: { "x-dead-letter-exchange" => "", "x-dead-letter-routing-key" => dead })
    send_all(channel, name, %w[1 2 3 4 5])
    channel.basic_qos(5)
    inbox = Queue.new
    channel.basic_consume(name, channel.generate_consumer_tag, false) { |*delivery| inbox << delivery }
    tags = %w[1 2 3 4 5].to_h { |body| [body, got(take(inbox, body), body, false).delivery_tag] }
    channel.reject(tags["1"], false)
    channel.nack(tags["2"], false, false)
    channel.nack(tags["4"], false, true)
    channel.ack(tags["5"])
    channel.reject(tags["3"], true)
    again = Array.new(2) { take(inbox, "a requeued message") }.sort_by(&:last)
    same("bodies", again.map(&:last), %w[3 4])
    same("redelivered", again.map { |delivery, _, _| delivery.redelivered }, [true, true])
    channel.ack(again.map { |delivery, _, _| delivery.delivery_tag }.max, true)
    channel.close
    same("left", count(connection.create_channel, name), 0)
    dead_lettered(connection.create_channel, name, dead)
  end

  def prefetch
    channel = connect.create_channel
    name = queue_name("prefetch")
    channel.queue_declare(name)
    send_all(channel, name, (1..10).map(&:to_s))
    channel.basic_qos(3)
    inbox = Queue.new
    channel.basic_consume(name, channel.generate_consumer_tag, false) { |*delivery| inbox << delivery }
    held = (1..3).map { |number| got(take(inbox, number), number.to_s, false) }
    (4..10).each do |number|
      same("ready while three are held", count(channel, name), 11 - number)
      same("on their way", inbox.size, 0)
      channel.ack(held.shift.delivery_tag)
      held << got(take(inbox, number), number.to_s, false)
    end
    same("ready at the end", count(channel, name), 0)
    channel.ack(held.last.delivery_tag, true)
  end

  def reply_to
    requester, responder = Array.new(2) { connect.create_channel }
    requests = queue_name("requests")
    responder.queue_declare(requests)
    responder.basic_consume(requests, responder.generate_consumer_tag, true) do |_, properties, body|
      responder.basic_publish("re: #{body}", "", properties.reply_to, correlation_id: properties.correlation_id)
    end
    answers = Queue.new
    replies = "amq.rabbitmq.reply-to"
    requester.basic_consume(replies, requester.generate_consumer_tag, true) { |*delivery| answers << delivery }
    (1..10).each do |number|
      requester.basic_publish(number.to_s, "", requests, reply_to: replies, correlation_id: "c#{number}")
    end
    (1..10).each do |number|
      _, properties, body = take(answers, "an answer")
      same("answer", [body, properties.correlation_id], ["re: #{number}", "c#{number}"])
    end
  end

  private

  def got((delivery, _, body), expected, redelivered)
    same("body", body, expected)
    same("redelivered", delivery.redelivered, redelivered)
    delivery
  end

  def dead_lettered(channel, name, dead)
    inbox = Queue.new
    channel.basic_consume(dead, channel.generate_consumer_tag, true) { |*delivery| inbox << delivery }
    %w[1 2].each do |expected|
      delivery, properties, body = take(inbox, "a dead letter")
      same("dead letter", body, expected)
      same("its routing key", delivery.routing_key, dead)
      deaths = properties[:headers].fetch("x-death")
      same("deaths", deaths.length, 1)
      death = deaths.first
      same("death", death.slice("reason", "queue", "exchange", "routing-keys", "count"),
           { "reason" => "rejected", "queue" => name, "exchange" => "", "routing-keys" => [name], "count" => 1 })
      truly("its time is now: #{death["time"]}", (Time.now - death["time"]).abs < 3600)
    end
  end
end
