from amqpd.broker.message cimport Account
from amqpd.broker.permissions cimport Access
from amqpd.broker.work cimport WorkList

cdef class Broker:
    cdef public str name
    cdef public object clock
    cdef public object compat
    cdef public object journal
    cdef public object offload
    cdef public object timers
    cdef public WorkList work
    cdef public Account account
    cdef public object _means
    cdef public object events
    cdef public object recorder
    cdef public object statistics
    cdef public object capacities
    cdef public Access access
    cdef public object alarms
    cdef public dict vhosts
    cdef public dict sessions
    cdef public dict global_parameters
    cdef public dict reply_consumers
    cdef public dict exchange_types
    cdef public dict queue_types
    cdef public object default_queue_type
    cdef public bint relaxed_redeclare
    cdef public object limits
    cdef public object _randomness
    cdef public object queue_arguments
    cdef public object _started
    cdef public object _pids
    cdef public tuple _short
    cdef public object authentication
    cdef public object internal_users
    cdef public list _turn_end

    cpdef at_turn_end(self, function)
