# frozen_string_literal: true

# Scenarios about the connection itself.
module Connections
  def connect_options
    connection = connect(heartbeat: 30, frame_max: 65_536, channel_max: 100, connection_name: prefix)
    same("heartbeat", connection.heartbeat, 30)
    same("frame size", connection.frame_max, 65_536)
    same("most channels", connection.channel_max, 100)
    first, second = Array.new(2) { connection.create_channel }
    name = queue_name("options")
    first.queue_declare(name)
    same("the queue seen from the second channel", second.queue_declare(name, passive: true).queue, name)
    first.close
    second.close
    connection.close
    refused
  end

  def heartbeats
    connection = connect(heartbeat: 1)
    same("heartbeat", connection.heartbeat, 1)
    channel = connection.create_channel
    name = queue_name("heartbeats")
    channel.queue_declare(name)
    sleep 4
    truly("the connection is open after 4 s", connection.open?)
    send_to(channel, name, "alive")
    same("body", channel.basic_get(name, manual_ack: false)[2], "alive")
  end

  def blocked
    connection = connect
    reports = Queue.new
    connection.on_blocked { |method| reports << [:blocked, method.reason.empty?] }
    connection.on_unblocked { |_| reports << [:unblocked] }
    channel = connection.create_channel
    name = queue_name("blocked")
    channel.queue_declare(name)
    ask "block"
    send_to(channel, name, "held back")
    same("first report", take(reports, "connection.blocked"), [:blocked, false])
    truly("bunny knows that it is blocked", connection.blocked?)
    ask "unblock"
    same("second report", take(reports, "connection.unblocked"), [:unblocked])
    same("body", channel.basic_get(name, manual_ack: false)[2], "held back")
  end

  def tls
    url = ENV.fetch("AMQPS_URL")
    authority = ENV.fetch("AMQP_CA_FILE")
    connection = connect(url, tls_ca_certificates: [authority], verify_peer: true, tls_silence_warnings: true)
    truly("the connection uses TLS", connection.tls?)
    channel = connection.create_channel
    name = queue_name("tls")
    channel.queue_declare(name)
    body = Random.new(1).bytes(100_000)
    send_to(channel, name, body)
    same("body", channel.basic_get(name, manual_ack: false)[2], body)
    error = raised("a certificate of an unknown authority", OpenSSL::SSL::SSLError) do
      connect(url, tls_ca_certificates: [], verify_peer: true, tls_silence_warnings: true)
    end
    truly("the refusal names the certificate: #{error.message}", error.message.include?("certificate verify failed"))
  end

  private

  def refused
    error = raised("a wrong password", Bunny::AuthenticationFailureError) { connect(password: "wrong") }
    same("error", error.class, Bunny::AuthenticationFailureError) # its superclass is a guess after a lost connection
    missing = "#{prefix}-missing"
    error = raised("a missing virtual host", Bunny::NotAllowedError) { connect(vhost: missing) }
    same("reply code", error.connection_close.reply_code, 530)
    truly("the virtual host is named: #{error.message}", error.message.include?(missing))
  end
end
