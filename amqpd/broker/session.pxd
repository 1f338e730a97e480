from amqpd.broker.permissions cimport Access
from amqpd.broker.vhost cimport VHost

cdef class Session:
    cdef public Access access
    cdef public long long _generation
    cdef public object _profile
    cdef public dict _verdicts
    cdef public dict exclusive_queues
    cdef public str name
    cdef public object peer
    cdef public str pid
    cdef public object user
    cdef public VHost vhost
