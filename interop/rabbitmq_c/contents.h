/* Bodies, and what belongs to them. */
#ifndef CONTENTS_H
#define CONTENTS_H

#include <amqp.h>

/* Octets that take every value (with 256 or more of them) and repeat in no power of two. */
amqp_bytes_t pattern(size_t size, unsigned step);

#endif
