cimport cython
from amqpd.properties cimport Properties

cdef Py_ssize_t _OVERHEAD, _SMALL

cdef class Sharing:
    cdef public long long holders
    cdef public bint counted

cdef class Trail:
    cdef public tuple deaths
    cdef public long long failures
    cdef public tuple hidden_keys
    cdef public long long inherited
    cdef public Properties published
    cdef public bint rekeyed
    cdef public long long returns

@cython.freelist(256)
cdef class Message:
    cdef public bytes body
    cdef public object deadline
    cdef public str exchange
    cdef public long long number
    cdef public Properties properties
    cdef public bint redelivered
    cdef public str routing_key
    cdef public Sharing sharing
    cdef public Trail trail

cdef class Account:
    cdef public long long definitions
    cdef public long long octets

    cpdef charge(self, long long octets)
    @cython.locals(sharing=Sharing, header=Py_ssize_t)
    cpdef hold(self, Message message)
    @cython.locals(sharing=Sharing, header=Py_ssize_t)
    cpdef release(self, Message message)
    @cython.locals(sharing=Sharing)
    cpdef let_go(self, Message message)
    cpdef die(self, Message message)
    cpdef forget(self, Message message)
    cpdef handed_out(self)
