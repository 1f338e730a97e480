package main

import rabbithole "github.com/michaelklishin/rabbit-hole/v2"

func connections(client *rabbithole.Client) {
	isIt := func(each rabbithole.ConnectionInfo) bool { return each.ClientProperties["connection_name"] == prefix }
	own := func() []rabbithole.ConnectionInfo { return found(got(client.ListConnections()), isIt) }
	eventually("the connection is in the list", func() bool { return len(own()) == 1 && own()[0].Channels == 1 })
	connection := got(client.GetConnection(own()[0].Name))
	check(connection.User == "guest" && connection.Vhost == "/" && connection.State == "running", "the connection")
	same("protocol", connection.Protocol, "AMQP 0-9-1")
	same("port", int(connection.Port), amqpPort())
	onIt := func(each rabbithole.ChannelInfo) bool { return each.ConnectionDetails.Name == connection.Name }
	eventually("its channel is in the list, with its prefetch", func() bool {
		some := found(got(client.ListChannels()), onIt)
		return len(some) == 1 && some[0].PrefetchCount == 2 && some[0].UnacknowledgedMessageCount == 2
	})
	channel := got(client.GetChannel(one(got(client.ListChannels()), onIt).Name))
	check(channel.UsesPublisherConfirms && channel.ConsumerCount == 1 && channel.Number == 1, "the channel")
	tagged := func(each rabbithole.ConsumerInfo) bool { return each.ConsumerTag == name("consumer") }
	eventually("its consumer is in the list", func() bool { return len(found(got(client.ListConsumersIn("/")), tagged)) == 1 })
	consumer := one(got(client.ListConsumers()), tagged)
	same("queue", consumer.Queue.Name, name("watched"))
	check(bool(consumer.AcknowledgementMode) && consumer.PrefetchCount == 2, "how it consumes")
	done(client.CloseConnection(connection.Name))
	eventually("the connection is gone", func() bool { return len(own()) == 0 })
}

func statistics(client *rabbithole.Client) {
	eventually("the queue has 3 messages ready, 2 unacknowledged and a consumer", func() bool {
		queue := got(client.GetQueue("/", name("watched")))
		return queue.Messages == 5 && queue.MessagesReady == 3 && queue.MessagesUnacknowledged == 2 && queue.Consumers == 1
	})
	same("state", got(client.GetQueue("/", name("watched"))).Status, "running")
	eventually("the totals count them", func() bool {
		totals := got(client.Overview()).QueueTotals
		return totals.Messages >= 5 && totals.MessagesReady >= 3 && totals.MessagesUnacknowledged >= 2
	})
}

func health(client *rabbithole.Client) {
	alarms := got(client.HealthCheckAlarms())
	check(alarms.Ok(), "no alarms")
	local := got(client.HealthCheckLocalAlarms())
	check(local.Ok(), "no alarms here")
	vhosts := got(client.HealthCheckVirtualHosts())
	check(vhosts.Ok(), "virtual hosts run")
	quorum := got(client.HealthCheckNodeIsQuorumCritical())
	check(quorum.Ok(), "no quorum is at risk")
	protocol := got(client.HealthCheckProtocolListener(rabbithole.AMQP091))
	check(protocol.Ok(), "AMQP is listened for")
	port := got(client.HealthCheckPortListener(uint(amqpPort())))
	check(port.Ok(), "at its port")
	nobody, err := client.HealthCheckPortListener(1)
	check(err == nil && !nobody.Ok() && nobody.Missing == 1, "nobody listens at port 1")
}
