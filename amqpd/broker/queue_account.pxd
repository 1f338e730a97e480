from amqpd.broker.message cimport Account, Message

cdef class QueueAccount(Account):
    cdef public Account _account

    cpdef charge(self, long long octets)
    cpdef hold(self, Message message)
    cpdef release(self, Message message)
    cpdef let_go(self, Message message)
    cpdef die(self, Message message)
    cpdef forget(self, Message message)
    cpdef handed_out(self)
