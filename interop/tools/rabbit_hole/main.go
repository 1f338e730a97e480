// Every scenario of tools, with rabbit-hole: `driver SCENARIO` ends with 0, or with 1 and the reason.
package main

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
	"time"

	rabbithole "github.com/michaelklishin/rabbit-hole/v2"
)

const (
	// deadline is how long anything that a scenario waits for may take; only a failing one waits that long.
	deadline = 20 * time.Second
	pause    = 100 * time.Millisecond
)

var prefix = os.Getenv("INTEROP_PREFIX")

var scenarios = map[string]func(*rabbithole.Client){
	"overview":    overview,
	"vhosts":      vhosts,
	"users":       users,
	"topology":    topology,
	"policies":    policies,
	"limits":      limits,
	"definitions": definitions,
	"connections": connections,
	"statistics":  statistics,
	"health":      health,
}

func main() {
	if len(os.Args) != 2 || scenarios[os.Args[1]] == nil {
		fmt.Fprintf(os.Stderr, "expected the name of a scenario, not %q\n", os.Args[1:])
		os.Exit(1)
	}
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintln(os.Stderr, reason)
			os.Exit(1)
		}
	}()
	scenarios[os.Args[1]](login("guest", "guest"))
}

func login(user, password string) *rabbithole.Client {
	client, err := rabbithole.NewClient(os.Getenv("MANAGEMENT_URL"), user, password)
	must(err)
	client.SetTimeout(deadline)
	return client
}

func name(word string) string { return prefix + "-" + word }

// withVhost has a virtual host of the run's own while the function runs.
func withVhost(client *rabbithole.Client, use func(vhost string)) {
	vhost := name("vhost")
	done(client.PutVhost(vhost, rabbithole.VhostSettings{}))
	defer func() { done(client.DeleteVhost(vhost)) }()
	all := rabbithole.Permissions{Configure: ".*", Write: ".*", Read: ".*"}
	done(client.UpdatePermissionsIn(vhost, "guest", all))
	use(vhost)
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

func done(response *http.Response, err error) {
	must(err)
	must(response.Body.Close())
}

func got[T any](value T, err error) T {
	must(err)
	return value
}

// refused expects the client to report this status.
func refused(status int, err error) {
	var answer rabbithole.ErrorResponse
	switch {
	case err == nil:
		panic(fmt.Sprintf("no error where a status %d was expected", status))
	case errors.As(err, &answer) && answer.StatusCode == status:
	case strings.Contains(err.Error(), fmt.Sprintf("a %d ", status)):
	default:
		panic(fmt.Sprintf("expected status %d, got: %v", status, err))
	}
}

// refusedResponse is refused, for calls that return a response as well.
func refusedResponse(status int) func(*http.Response, error) {
	return func(_ *http.Response, err error) { refused(status, err) }
}

func same[T comparable](what string, value, expected T) {
	if value != expected {
		panic(fmt.Sprintf("%s: expected %v, got %v", what, expected, value))
	}
}

func check(fact bool, what string) {
	if !fact {
		panic("not so: " + what)
	}
}

// found returns the items that a function chooses.
func found[T any](items []T, chosen func(T) bool) []T {
	var some []T
	for _, each := range items {
		if chosen(each) {
			some = append(some, each)
		}
	}
	return some
}

// one returns the only item that a function chooses.
func one[T any](items []T, chosen func(T) bool) T {
	some := found(items, chosen)
	if len(some) != 1 {
		panic(fmt.Sprintf("expected one item, found %d in %+v", len(some), items))
	}
	return some[0]
}

// eventually waits until it is so: RabbitMQ shows statistics when it has collected them.
func eventually(what string, look func() bool) {
	for end := time.Now().Add(deadline); !look(); time.Sleep(pause) {
		check(time.Now().Before(end), what)
	}
}
