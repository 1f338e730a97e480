package main

import (
	"fmt"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"
)

type table = map[string]interface{}

func topology(client *rabbithole.Client) {
	topic, fanout, queue, quorum := name("topic"), name("fanout"), name("queue"), name("quorum")
	withVhost(client, func(vhost string) {
		done(client.DeclareExchange(vhost, topic, rabbithole.ExchangeSettings{Type: "topic", Durable: true}))
		done(client.DeclareExchange(vhost, fanout, rabbithole.ExchangeSettings{Type: "fanout", Durable: true}))
		bounded := rabbithole.QueueSettings{Durable: true, Arguments: table{"x-max-length": 5}}
		done(client.DeclareQueue(vhost, queue, bounded))
		done(client.DeclareQueue(vhost, quorum, rabbithole.QueueSettings{Type: "quorum", Durable: true}))
		exchange := got(client.GetExchange(vhost, topic))
		check(exchange.Type == "topic" && exchange.Durable && !bool(exchange.AutoDelete) && !exchange.Internal, "the exchange")
		shown := got(client.GetQueue(vhost, queue))
		check(shown.Durable && shown.Arguments["x-max-length"] == 5.0, "the queue and its arguments")
		same("type", one(got(client.ListQueuesIn(vhost)), func(q rabbithole.QueueInfo) bool { return q.Name == quorum }).Type, "quorum")
		toQueue := rabbithole.BindingInfo{Source: topic, Destination: queue, DestinationType: "queue", RoutingKey: "a.#", Arguments: table{}}
		withArgument := toQueue
		withArgument.RoutingKey, withArgument.Arguments = "", table{"x": 1}
		between := rabbithole.BindingInfo{Source: topic, Destination: fanout, DestinationType: "exchange", RoutingKey: "k", Arguments: table{}}
		for _, each := range []rabbithole.BindingInfo{toQueue, withArgument, between} {
			done(client.DeclareBinding(vhost, each))
		}
		same("bindings of the queue", len(got(client.ListQueueBindings(vhost, queue))), 3)
		same("key", got(client.ListExchangeBindingsBetween(vhost, topic, fanout))[0].PropertiesKey, "k")
		bound := one(got(client.ListQueueBindingsBetween(vhost, topic, queue)), func(b rabbithole.BindingInfo) bool { return b.RoutingKey != "" })
		same("properties key", bound.PropertiesKey, "a.%23")
		done(client.DeleteBinding(vhost, bound))
		same("bindings left", len(got(client.ListQueueBindingsBetween(vhost, topic, queue))), 1)
		bounded.Arguments = table{"x-max-length": 6}
		refusedResponse(400)(client.DeclareQueue(vhost, queue, bounded))
		done(client.PurgeQueue(vhost, queue))
		done(client.DeleteQueue(vhost, queue, rabbithole.QueueDeleteOptions{IfEmpty: true, IfUnused: true}))
		_, err := client.GetQueue(vhost, queue)
		refused(404, err)
		done(client.DeleteExchange(vhost, topic))
		_, err = client.GetExchange(vhost, topic)
		refused(404, err)
	})
}

func policies(client *rabbithole.Client) {
	policy := rabbithole.Policy{Pattern: "^" + prefix, ApplyTo: "queues", Priority: 7, Definition: table{"max-length": 3}}
	withVhost(client, func(vhost string) {
		done(client.DeclareQueue(vhost, name("queue"), rabbithole.QueueSettings{Durable: true}))
		done(client.PutPolicy(vhost, name("p"), policy))
		shown := got(client.GetPolicy(vhost, name("p")))
		check(shown.Vhost == vhost && shown.Priority == 7 && shown.Definition["max-length"] == 3.0, "the policy")
		eventually("the queue shows its policy", func() bool { return got(client.GetQueue(vhost, name("queue"))).Policy == name("p") })
		operator := rabbithole.OperatorPolicy{Pattern: policy.Pattern, ApplyTo: "queues", Priority: 1, Definition: table{"max-length": 2}}
		done(client.PutOperatorPolicy(vhost, name("o"), operator))
		same("operator policy", got(client.GetOperatorPolicy(vhost, name("o"))).Pattern, policy.Pattern)
		done(client.DeleteOperatorPolicy(vhost, name("o")))
		same("operator policies", len(got(client.ListOperatorPoliciesIn(vhost))), 0)
		policy.Definition = table{"no-such-key": 1}
		refusedResponse(400)(client.PutPolicy(vhost, name("wrong"), policy))
		done(client.DeletePolicy(vhost, name("p")))
		same("policies", len(got(client.ListPoliciesIn(vhost))), 0)
	})
}

func limits(client *rabbithole.Client) {
	withVhost(client, func(vhost string) {
		done(client.PutVhostLimits(vhost, rabbithole.VhostLimitsValues{"max-queues": 1}))
		same("limits", fmt.Sprint(got(client.GetVhostLimits(vhost))[0].Value), "map[max-queues:1]")
		done(client.DeclareQueue(vhost, name("first"), rabbithole.QueueSettings{}))
		refusedResponse(400)(client.DeclareQueue(vhost, name("second"), rabbithole.QueueSettings{}))
		done(client.DeleteVhostLimits(vhost, rabbithole.VhostLimits{"max-queues"}))
		done(client.DeclareQueue(vhost, name("second"), rabbithole.QueueSettings{}))
	})
	user := name("user")
	done(client.PutUser(user, rabbithole.UserSettings{Password: "secret"}))
	done(client.PutUserLimits(user, rabbithole.UserLimitsValues{"max-connections": 3, "max-channels": 9}))
	same("limits", fmt.Sprint(got(client.GetUserLimits(user))[0].Value), "map[max-channels:9 max-connections:3]")
	done(client.DeleteUserLimits(user, rabbithole.UserLimits{"max-connections"}))
	same("limits", fmt.Sprint(got(client.GetUserLimits(user))[0].Value), "map[max-channels:9]")
	done(client.DeleteUser(user))
	done(client.PutGlobalParameter(name("parameter"), table{"a": []int{1}}))
	same("parameter", fmt.Sprint(got(client.GetGlobalParameter(name("parameter"))).Value), "map[a:[1]]")
	done(client.DeleteGlobalParameter(name("parameter")))
}

func definitions(client *rabbithole.Client) {
	withVhost(client, func(vhost string) {
		bounded := rabbithole.QueueSettings{Durable: true, Arguments: table{"x-max-length": 5}}
		done(client.DeclareQueue(vhost, name("queue"), bounded))
		isIt := func(each rabbithole.QueueInfo) bool { return each.Vhost == vhost }
		exported := got(client.ListDefinitions())
		queue := one(*exported.Queues, isIt)
		same("queues of one vhost", len(*got(client.ListVhostDefinitions(vhost)).Queues), 1)
		done(client.DeleteQueue(vhost, name("queue")))
		done(client.UploadDefinitions(only(queue)))
		same("arguments", got(client.GetQueue(vhost, name("queue"))).Arguments["x-max-length"], interface{}(5.0))
		nowhere := queue
		nowhere.Vhost = name("missing")
		refusedResponse(400)(client.UploadDefinitions(only(nowhere)))
	})
}

// only makes definitions of one queue; sections that are missing would be sent as null, which RabbitMQ doesn't take.
func only(queue rabbithole.QueueInfo) *rabbithole.ExportedDefinitions {
	return &rabbithole.ExportedDefinitions{
		Policies:  &[]rabbithole.PolicyDefinition{},
		Queues:    &[]rabbithole.QueueInfo{queue},
		Exchanges: &[]rabbithole.ExchangeInfo{},
		Bindings:  &[]rabbithole.BindingInfo{},
	}
}
