cimport cython
from amqpd.broker.message cimport Message

cdef class ReadyList:
    cdef public list _head
    cdef public object _returned
    cdef public object _runs
    cdef public list _tail
    cdef public Py_ssize_t count
    cdef public object on_loss

    @cython.locals(tail=list)
    cpdef append(self, Message message)
    @cython.locals(head=list)
    cpdef Message pop(self)
    @cython.locals(head=list)
    cpdef Message peek(self)
    cpdef put_back(self, Message message)
    cpdef _pack_tail(self)
    cpdef list _refill(self)
