from amqpd.broker.message cimport Message
from amqpd.broker.queue_account cimport QueueAccount
from amqpd.storage.recorder cimport Recorder

cdef class RecordingAccount(QueueAccount):
    cdef public bint _all
    cdef public bint _known
    cdef public Recorder _recorder
    cdef public object number
    cdef public object queue

    cpdef hold(self, Message message)
    cpdef release(self, Message message)
    cpdef die(self, Message message)
    cpdef buried(self, Message message)
    cpdef forget(self, Message message)
    cpdef handed_out(self)
