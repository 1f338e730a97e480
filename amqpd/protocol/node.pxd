from amqpd.broker.broker cimport Broker

cdef class Node:
    cdef public Broker broker
    cdef public object settings
    cdef public dict mechanisms
    cdef public object liveness
    cdef public list dirty
    cdef public dict connections
    cdef public dict opening
    cdef public long long behind
    cdef public long long crowding
    cdef public object totals
    cdef public object on_gone
    cdef public object memory
    cdef public object pager
    cdef public long long unfinished_content
    cdef public bint looks_at_all
    cdef public object methods
    cdef public dict starts
    cdef public object introductions
    cdef public object server_properties
    cdef public object ack_timeout
    cdef public long long max_message_size
