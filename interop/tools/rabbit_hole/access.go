package main

import (
	"fmt"
	"net/url"
	"os"
	"strconv"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"
)

func amqpPort() int {
	at := got(url.Parse(os.Getenv("AMQP_URL")))
	return got(strconv.Atoi(at.Port()))
}

func overview(client *rabbithole.Client) {
	me := got(client.Whoami())
	same("user", me.Name, "guest")
	same("tags", fmt.Sprint(me.Tags), "[administrator]")
	shown := got(client.Overview())
	check(shown.RabbitMQVersion != "" && shown.ManagementVersion != "" && shown.ErlangVersion != "", "versions")
	check(len(shown.ExchangeTypes) >= 4 && shown.ObjectTotals.Exchanges >= 7, "exchanges and their types")
	check(got(client.GetClusterName()).Name != "", "the cluster has a name")
	port := rabbithole.Port(amqpPort())
	listens := func(each rabbithole.Listener) bool { return each.Protocol == "amqp" && each.Port == port }
	check(len(found(shown.Listeners, listens)) > 0, "a listener for AMQP")
	same("port", got(client.ProtocolPorts())["amqp"], port)
	eventually("the node shows what it uses", func() bool { return got(client.GetNode(shown.Node)).MemUsed > 0 })
	node := one(got(client.ListNodes()), func(each rabbithole.NodeInfo) bool { return each.Name == shown.Node })
	check(node.IsRunning && !node.MemAlarm && !node.DiskFreeAlarm, "the node runs")
	check(node.FdTotal > 0 && node.DiskFree > 0 && node.MemLimit > 0 && node.Uptime > 0 && node.OsPid != "", "its numbers")
	_, err := login("guest", "wrong").Overview()
	refused(401, err)
}

func vhosts(client *rabbithole.Client) {
	vhost := prefix + "/v"
	done(client.PutVhost(vhost, rabbithole.VhostSettings{Tracing: false}))
	isIt := func(each rabbithole.VhostInfo) bool { return each.Name == vhost }
	one(got(client.ListVhosts()), isIt)
	same("name", got(client.GetVhost(vhost)).Name, vhost)
	same("connections", len(got(client.ListVhostConnections(vhost))), 0)
	done(client.DeleteVhost(vhost))
	same("vhosts", len(found(got(client.ListVhosts()), isIt)), 0)
	_, err := client.GetVhost(vhost)
	refused(404, err)
}

func users(client *rabbithole.Client) {
	user := name("user")
	tags := rabbithole.UserTags{"management", "policymaker"}
	withVhost(client, func(vhost string) {
		done(client.PutUser(user, rabbithole.UserSettings{Password: "secret", Tags: tags}))
		same("tags", fmt.Sprint(got(client.GetUser(user)).Tags), "[management policymaker]")
		grant := rabbithole.Permissions{Configure: "^" + prefix, Write: ".*", Read: ""}
		done(client.UpdatePermissionsIn(vhost, user, grant))
		granted := got(client.GetPermissionsIn(vhost, user))
		same("permissions", granted, rabbithole.PermissionInfo{User: user, Vhost: vhost, Configure: "^" + prefix, Write: ".*"})
		seen := got(login(user, "secret").ListVhosts())
		check(len(seen) == 1 && seen[0].Name == vhost, "the user sees its virtual host alone")
		topics := rabbithole.TopicPermissions{Exchange: "amq.topic", Write: "^a", Read: "^b"}
		done(client.UpdateTopicPermissionsIn(vhost, user, topics))
		allowed := got(client.GetTopicPermissionsIn(vhost, user))
		check(len(allowed) == 1 && allowed[0].Exchange == "amq.topic" && allowed[0].Write == "^a", "topic permissions")
		done(client.DeleteTopicPermissionsIn(vhost, user, "amq.topic"))
		_, err := client.GetTopicPermissionsIn(vhost, user)
		refused(404, err)
		refusedResponse(400)(client.UpdatePermissionsIn(vhost, user, rabbithole.Permissions{Configure: "("}))
		done(client.ClearPermissionsIn(vhost, user))
		_, err = client.GetPermissionsIn(vhost, user)
		refused(404, err)
		hash := rabbithole.Base64EncodedSaltedPasswordHashSHA256("other")
		settings := rabbithole.UserSettings{PasswordHash: hash, HashingAlgorithm: rabbithole.HashingAlgorithmSHA256, Tags: tags}
		done(client.PutUser(user, settings))
		got(login(user, "other").Whoami())
		done(client.PutUserWithoutPassword(user, rabbithole.UserSettings{}))
		_, err = login(user, "other").Whoami()
		refused(401, err)
		done(client.DeleteUser(user))
		_, err = client.GetUser(user)
		refused(404, err)
	})
}
