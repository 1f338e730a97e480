/* driver SCENARIO: exits with 0 when everything that the scenario asks for was seen. */
#include <stdio.h>
#include <string.h>

#include "scenarios.h"

static const struct {
  const char *name;
  void (*play)(void);
} scenarios[] = {
    {"connect-options", connect_options},
    {"declare-bind", declare_bind},
    {"publish-consume", publish_consume},
    {"header-types", header_types},
    {"confirms", confirms},
    {"mandatory", mandatory},
    {"get", get},
    {"requeue", requeue},
    {"prefetch", prefetch},
    {"transactions", transactions},
    {"exclusive", exclusive},
    {"cancel", cancel},
    {"reply-to", reply_to},
    {"large-message", large_message},
    {"heartbeats", heartbeats},
    {"reconnect", reconnect},
    {"blocked", blocked},
    {"tls", tls},
};

int main(int count, char **arguments) {
  for (size_t i = 0; count == 2 && i < sizeof scenarios / sizeof *scenarios; i++) {
    if (strcmp(scenarios[i].name, arguments[1]) == 0) {
      scenarios[i].play();
      return 0;
    }
  }
  fputs("usage: driver SCENARIO (one that interop/scenarios.toml names)\n", stderr);
  return 2;
}
