# frozen_string_literal: true

# What publishers hear: confirms, returns, and what a transaction holds back.
module Publishing
  def confirms
    channel = connect.create_channel
    name, full = queue_name("confirms"), queue_name("full")
    channel.queue_declare(name)
    channel.queue_declare(full, arguments: { "x-max-length" => 0, "x-overflow" => "reject-publish" })
    settled = Queue.new
    channel.confirm_select(->(tag, multiple, nack) { settled << [tag, multiple, nack] })
    200.times { |number| send_to(channel, name, number.to_s) }
    acknowledged = Array.new(200) { take(settled, "a confirm") }
    same("confirmed", acknowledged.map(&:first).sort, (1..200).to_a)
    same("negative among them", acknowledged.map(&:last).uniq, [false])
    same("message count", count(channel, name), 200)
    send_to(channel, full, "too much")
    same("the confirm of what does not fit", take(settled, "a nack"), [201, false, true])
    same("nacked", channel.nacked_set.to_a, [201])
  end

  def mandatory
    channel = connect.create_channel
    name = queue_name("mandatory")
    channel.queue_declare(name)
    returned = Queue.new
    default = channel.default_exchange
    default.on_return { |*message| returned << message }
    unrouted = "#{prefix}-nowhere"
    channel.confirm_select
    default.publish("back", routing_key: unrouted, mandatory: true, **Contents::PROPERTIES)
    truly("the returned message is confirmed", channel.wait_for_confirms)
    came_back(take(returned, "basic.return"), unrouted)
    default.publish("through", routing_key: name, mandatory: true)
    truly("the routed message is confirmed", channel.wait_for_confirms)
    same("message count", count(channel, name), 1)
    same("returned", returned.size, 0)
  end

  def transactions
    connection = connect
    channel = connection.create_channel
    other = connection.create_channel
    name = queue_name("transactions")
    channel.queue_declare(name)
    channel.tx_select
    2.times { |number| send_to(channel, name, number.to_s) }
    same("before the rollback", count(other, name), 0)
    channel.tx_rollback
    channel.tx_commit
    same("after the rollback", count(other, name), 0)
    2.times { |number| send_to(channel, name, number.to_s) }
    channel.tx_commit
    same("after the commit", count(other, name), 2)
    settle_in_transactions(connection, channel, other, name)
  end

  private

  def came_back((info, properties, body), key)
    same("reply code", info.reply_code, 312)
    same("reply text", info.reply_text, "NO_ROUTE")
    same("exchange", info.exchange, "")
    same("routing key", info.routing_key, key)
    same("body", body, "back")
    sent = Contents::PROPERTIES
    same("properties", properties.to_hash, sent.merge(timestamp: Time.at(sent[:timestamp])))
  end

  def settle_in_transactions(connection, channel, other, name)
    delivery, _, body = channel.basic_get(name)
    same("first", body, "0")
    channel.ack(delivery.delivery_tag)
    channel.tx_rollback
    channel.close
    same("after the rolled back ack", count(other, name), 2)
    again = connection.create_channel
    again.tx_select
    delivery, _, body = again.basic_get(name)
    same("first again", body, "0")
    again.ack(delivery.delivery_tag)
    again.tx_commit
    again.close
    same("after the committed ack", count(other, name), 1)
    same("what is left", other.basic_get(name, manual_ack: false)[2], "1")
  end
end
