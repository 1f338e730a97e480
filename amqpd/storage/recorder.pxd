cimport cython
from amqpd.broker.message cimport Message, Trail
from amqpd.broker.queue_account cimport QueueAccount
from amqpd.storage.batch cimport Batch
from amqpd.storage.commit cimport Commit

cdef class Recorder:
    cdef public object _begun
    cdef public object _clock
    cdef public Commit commit
    cdef public bint stopped

    @cython.locals(trail=Trail, batch=Batch)
    cpdef published(self, QueueAccount account, Message message)
    cpdef settled(self, QueueAccount account, long long number)
    cpdef handed_out(self, QueueAccount account)
    @cython.locals(touched=dict)
    cpdef _touch(self, QueueAccount account)
