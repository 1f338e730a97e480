cimport cython
from amqpd.broker.consumers cimport Consumer
from amqpd.broker.message cimport Account, Message
from amqpd.broker.queue cimport Queue
from amqpd.broker.ready_list cimport ReadyList

cdef int ACCEPTED, REJECTED, SLICE
cdef unsigned int EXPIRATION

cdef class ClassicQueue(Queue):
    cdef public object _delayed
    cdef public object _expiry
    cdef public object _keys
    cdef public object _message_ttl
    cdef public long long _number
    cdef public object _profile
    cdef public bint _resuming
    cdef public object _retries
    cdef public tuple _returns
    cdef public bint _trimming
    cdef public tuple _waiting
    cdef public Py_ssize_t aside
    cdef public object limits
    cdef public ReadyList ready

    @cython.locals(consumer=Consumer)
    cpdef int publish(self, Message message) except? -1
    cpdef settle(self, Message message)
    cpdef reject(self, Message message)
    cpdef resume(self)
    cpdef bint _hand_out(self, Py_ssize_t budget)
    @cython.locals(ready=ReadyList, account=Account, consumer=Consumer, message=Message, expiring=bint)
    cpdef bint _deliver(self, Py_ssize_t budget)
    cpdef Message _pop(self)
