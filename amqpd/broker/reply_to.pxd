from amqpd.broker.destination cimport Destination

cdef class ReplyConsumer(Destination):
    cdef public str name
