from amqpd.broker.message cimport Message

cdef class Destination:
    cpdef int publish(self, Message message) except? -1
