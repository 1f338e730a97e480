// Every scenario, with amqp091-go: `driver SCENARIO` ends with 0, or with 1 and the reason.
package main

import (
	"fmt"
	"os"
	"runtime"
	"time"
)

const (
	// deadline is how long anything that a scenario waits for may take; only a failing one waits that long.
	deadline = 20 * time.Second
	// limit is how long a whole scenario may take, calls of the client that never return included.
	limit = 45 * time.Second
)

var scenarios = map[string]func(){
	"connect-options": connectOptions,
	"declare-bind":    declareBind,
	"publish-consume": publishConsume,
	"header-types":    headerTypes,
	"confirms":        confirms,
	"mandatory":       mandatory,
	"get":             get,
	"requeue":         requeue,
	"prefetch":        prefetch,
	"transactions":    transactions,
	"exclusive":       exclusive,
	"cancel":          cancelConsumer,
	"reply-to":        replyTo,
	"large-message":   largeMessage,
	"heartbeats":      heartbeats,
	"reconnect":       reconnect,
	"blocked":         blocked,
	"tls":             overTLS,
}

func main() {
	if len(os.Args) != 2 || scenarios[os.Args[1]] == nil {
		fmt.Fprintf(os.Stderr, "expected the name of a scenario, not %q\n", os.Args[1:])
		os.Exit(1)
	}
	time.AfterFunc(limit, func() {
		stacks := make([]byte, 1<<16)
		fmt.Fprintf(os.Stderr, "no end after %v\n%s", limit, stacks[:runtime.Stack(stacks, true)])
		os.Exit(1)
	})
	defer func() {
		if reason := recover(); reason != nil {
			fmt.Fprintln(os.Stderr, reason)
			if _, expected := reason.(failure); !expected {
				stack := make([]byte, 1<<14)
				fmt.Fprintf(os.Stderr, "%s", stack[:runtime.Stack(stack, false)])
			}
			os.Exit(1)
		}
	}()
	scenarios[os.Args[1]]()
}
