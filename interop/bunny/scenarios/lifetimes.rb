# frozen_string_literal: true

# Queues and consumers that end with something else: a connection, a queue, a server.
module Lifetimes
  def exclusive
    owner, stranger = Array.new(2) { connect }
    channel = owner.create_channel
    name = channel.queue_declare("", exclusive: true).queue
    truly("#{name} is a name of the server's", name.start_with?("amq.gen-"))
    send_to(channel, name, "mine")
    inbox = Queue.new
    channel.basic_consume(name, channel.generate_consumer_tag, true) { |*delivery| inbox << delivery }
    same("body", take(inbox, "the message").last, "mine")
    closed_with(405, Bunny::ResourceLocked) { stranger.create_channel.queue_declare(name, passive: true) }
    closed_with(405, Bunny::ResourceLocked) { stranger.create_channel.basic_consume(name) }
    # bunny waits for get-ok until its timeout before it looks at the error
    impatient = connect(continuation_timeout: 1000).create_channel
    closed_with(405, Bunny::ResourceLocked) { impatient.basic_get(name) }
    owner.close
    closed_with(404, Bunny::NotFound) { stranger.create_channel.queue_declare(name, passive: true) }
    exclusive_consumer(stranger)
  end

  def cancel
    connection = connect
    channel = connection.create_channel
    name = queue_name("cancel")
    channel.queue_declare(name)
    inbox = Queue.new
    ok = channel.basic_consume(name, "#{prefix}-tag", true) { |*delivery| inbox << delivery }
    same("consumer tag", ok.consumer_tag, "#{prefix}-tag")
    send_to(channel, name, "before")
    same("body", take(inbox, "the message").last, "before")
    same("cancelled", channel.basic_cancel("#{prefix}-tag").consumer_tag, "#{prefix}-tag")
    send_all(channel, name, ["after"])
    same("message count", count(channel, name), 1)
    same("delivered", inbox.size, 0)
    cancelled_by_the_broker(channel, name)
  end

  def reconnect
    log = Queue.new
    recovered = Queue.new
    connection = connect(automatically_recover: true, recover_from_connection_close: true,
                         network_recovery_interval: 0.1, logger: Logger.new(Lines.new(log)))
    connection.after_recovery_completed { recovered << true }
    channel = connection.create_channel
    inbox = Queue.new
    queue = channel.queue(queue_name("reconnect"), durable: true)
    queue.subscribe(manual_ack: true) do |delivery, _, body|
      channel.ack(delivery.delivery_tag)
      inbox << body
    end
    queue.publish("before")
    same("before", take(inbox, "a message"), "before")
    channel.prefetch(1) # its answer proves that the acknowledgement has arrived
    ask "close-connections"
    take(recovered, "bunny's recovery")
    said = Array.new(log.size) { log.pop }.join
    truly("bunny reports 320: #{said}", said.include?("CONNECTION_FORCED"))
    queue.publish("after")
    same("after", take(inbox, "a message after the recovery"), "after")
  end

  # A log device that is a queue.
  class Lines
    def initialize(queue)
      @queue = queue
    end

    def write(line)
      @queue << line
    end

    def close; end
  end

  private

  def exclusive_consumer(connection)
    channel = connection.create_channel
    name = queue_name("only-one")
    channel.queue_declare(name)
    channel.basic_consume(name, channel.generate_consumer_tag, false, true) { |*_| nil }
    closed_with(403, Bunny::AccessRefused) { connection.create_channel.basic_consume(name) }
  end

  # bunny makes up a tag where none is given; an empty one leaves it to the server.
  def cancelled_by_the_broker(channel, name)
    cancelled = Queue.new
    consumer = Bunny::Consumer.new(channel, name, "", true)
    consumer.on_cancellation { |method| cancelled << method.consumer_tag }
    tag = channel.basic_consume_with(consumer).consumer_tag
    truly("#{tag} is a tag of the server's", tag.start_with?("amq.ctag-"))
    connect.create_channel.queue_delete(name)
    same("the consumer that was cancelled", take(cancelled, "basic.cancel"), tag)
  end
end
