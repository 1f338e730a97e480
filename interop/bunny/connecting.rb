# frozen_string_literal: true

require "bunny"
require "logger"

require_relative "asking"
require_relative "comparing"

# Connections to the broker of the run, the names that were made on it, and their end.
module Connecting
  include Asking
  include Comparing

  QUIET = Logger.new(nil)

  # Keeps the errors that bunny would otherwise raise in the main thread at any point.
  class Errors
    attr_reader :seen

    def initialize
      @seen = Queue.new
    end

    def raise(error)
      @seen << error
    end
  end

  def prefix
    ENV.fetch("INTEROP_PREFIX")
  end

  # A queue's name that is deleted at the end, whatever happens.
  def queue_name(suffix)
    "#{prefix}-#{suffix}".tap { |name| (@queues ||= []) << name }
  end

  def exchange_name(suffix)
    "#{prefix}-#{suffix}".tap { |name| (@exchanges ||= []) << name }
  end

  def connect(url = ENV.fetch("AMQP_URL"), **options)
    defaults = { logger: QUIET, automatically_recover: false, recover_from_connection_close: false,
                 connection_timeout: DEADLINE, continuation_timeout: DEADLINE * 1000 }
    connection = Bunny.new(url, defaults.merge(options))
    (@connections ||= []) << connection
    connection.start
    connection
  end

  def count(channel, name)
    channel.queue_declare(name, passive: true).message_count
  end

  # Nothing but body and the properties named is sent, as far as bunny lets one: it always adds its content type,
  # delivery mode 2 and priority 0.
  def send_to(channel, queue, body, **properties)
    channel.basic_publish(body, "", queue, properties)
  end

  # As long as they are not confirmed, RabbitMQ may count the messages of a queue without them.
  def send_all(channel, queue, bodies)
    channel.confirm_select
    bodies.each { |body| send_to(channel, queue, body) }
    truly("all are confirmed", channel.wait_for_confirms)
  end

  def clean_up
    (@connections || []).each { |connection| connection.close if connection.open? }
    connection = connect
    channel = connection.create_channel
    (@queues || []).each { |name| channel.queue_delete(name) }
    (@exchanges || []).each { |name| channel.exchange_delete(name) }
    connection.close
  end
end
