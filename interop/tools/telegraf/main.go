// Telegraf's input for RabbitMQ, on its own: `driver SCENARIO` ends with 0, or with 1 and the reason.
package main

import (
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/influxdata/telegraf"
	"github.com/influxdata/telegraf/config"
	"github.com/influxdata/telegraf/logger"
	"github.com/influxdata/telegraf/plugins/inputs/rabbitmq"
)

const (
	// deadline is how long anything that a scenario waits for may take; only a failing one waits that long.
	deadline = 20 * time.Second
	pause    = 100 * time.Millisecond
)

var prefix = os.Getenv("INTEROP_PREFIX")

// point is what Telegraf would write to a database.
type point struct {
	measurement string
	fields      map[string]interface{}
	tags        map[string]string
}

// points collects what an input gathers.
type points struct {
	all    []point
	errors []error
}

func (p *points) AddFields(measurement string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	p.all = append(p.all, point{measurement, fields, tags})
}

func (p *points) AddGauge(measurement string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	p.AddFields(measurement, fields, tags)
}

func (p *points) AddCounter(measurement string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	p.AddFields(measurement, fields, tags)
}

func (p *points) AddSummary(measurement string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	p.AddFields(measurement, fields, tags)
}

func (p *points) AddHistogram(measurement string, fields map[string]interface{}, tags map[string]string, _ ...time.Time) {
	p.AddFields(measurement, fields, tags)
}

func (p *points) AddMetric(metric telegraf.Metric) {
	p.AddFields(metric.Name(), metric.Fields(), metric.Tags())
}

func (p *points) SetPrecision(time.Duration) {}

func (p *points) AddError(err error) {
	if err != nil {
		p.errors = append(p.errors, err)
	}
}

func (p *points) WithTracking(int) telegraf.TrackingAccumulator { panic("not asked for") }

// gather asks the broker once, as Telegraf does every ten seconds.
func gather(password string) *points {
	input := &rabbitmq.RabbitMQ{
		URL:                   os.Getenv("MANAGEMENT_URL"),
		Username:              config.NewSecret([]byte("guest")),
		Password:              config.NewSecret([]byte(password)),
		ResponseHeaderTimeout: config.Duration(deadline),
		ClientTimeout:         config.Duration(deadline),
		MetricExclude:         []string{"federation"}, // RabbitMQ has its plugin only where it is enabled
		IncludeQueueTypeTag:   true,
		Log:                   logger.New("inputs", "rabbitmq", ""),
	}
	if err := input.Init(); err != nil {
		panic(err)
	}
	found := &points{}
	found.AddError(input.Gather(found))
	return found
}

// eventually waits until a point has these values: RabbitMQ shows statistics when it has collected them.
func eventually(measurement string, tags map[string]string, wanted map[string]string) {
	for end := time.Now().Add(deadline); ; time.Sleep(pause) {
		found := gather("guest")
		if len(found.errors) > 0 {
			panic(found.errors)
		}
		for _, each := range found.all {
			if each.measurement == measurement && has(each, tags, wanted) {
				return
			}
		}
		if time.Now().After(end) {
			panic(fmt.Sprintf("no %s with %v and %v in %+v", measurement, tags, wanted, found.all))
		}
	}
}

func has(each point, tags, wanted map[string]string) bool {
	for name, value := range tags {
		if each.tags[name] != value {
			return false
		}
	}
	for name, value := range wanted {
		shown, there := each.fields[name]
		switch text := fmt.Sprint(shown); {
		case !there:
			return false
		case value == some:
			if text == "0" { // which is what it makes of a field that isn't there
				return false
			}
		case value != text:
			return false
		}
	}
	return true
}

// some stands for any value but 0.
const some = "some"

func allSome(names string) map[string]string {
	wanted := map[string]string{}
	for _, name := range strings.Fields(names) {
		wanted[name] = some
	}
	return wanted
}

func overview() {
	eventually("rabbitmq_overview", nil, allSome("connections channels consumers exchanges queues amqp_listeners messages"))
	node := allSome("disk_free disk_free_limit fd_total fd_used mem_limit mem_used mem_total proc_total proc_used sockets_used uptime")
	node["running"], node["mem_alarm"], node["disk_free_alarm"] = "1", "0", "0"
	eventually("rabbitmq_node", nil, node)
	if len(gather("wrong").errors) == 0 {
		panic("the wrong password was not reported")
	}
}

func statistics() {
	tags := map[string]string{"queue": prefix + "-watched", "vhost": "/", "durable": "true", "auto_delete": "false", "type": "classic"}
	lengths := map[string]string{"messages": "5", "messages_ready": "3", "messages_unack": "2", "consumers": "1"}
	counters := map[string]string{"messages_publish": "5", "messages_deliver": "2", "messages_ack": "0"}
	eventually("rabbitmq_queue", tags, lengths)
	eventually("rabbitmq_queue", tags, counters)
	eventually("rabbitmq_exchange", map[string]string{"exchange": "", "vhost": "/"}, allSome("messages_publish_in messages_publish_out"))
}

func main() {
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintln(os.Stderr, reason)
			os.Exit(1)
		}
	}()
	map[string]func(){"overview": overview, "statistics": statistics}[os.Args[1]]()
}
