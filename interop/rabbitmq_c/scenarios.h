/* Every scenario returns when all of it was seen, and ends the process with status 1 otherwise. */
#ifndef SCENARIOS_H
#define SCENARIOS_H

/* connections.c */
void connect_options(void);
void heartbeats(void);
void tls(void);
/* topology.c */
void declare_bind(void);
void exclusive(void);
/* contents.c */
void publish_consume(void);
void large_message(void);
/* header_types.c */
void header_types(void);
/* publishing.c */
void confirms(void);
void mandatory(void);
void transactions(void);
/* consuming.c */
void get(void);
void prefetch(void);
void cancel(void);
void reply_to(void);
/* requeue.c */
void requeue(void);
/* failures.c */
void reconnect(void);
void blocked(void);

#endif
