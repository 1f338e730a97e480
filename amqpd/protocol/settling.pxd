cimport cython
from amqpd.broker.queue cimport Queue
from amqpd.protocol.channel cimport Channel

@cython.locals(delivery=tuple, portions=dict)
cdef list _portions(Channel channel, list deliveries)

@cython.locals(portion=list, delivery=tuple, queue=Queue, count="long long")
cpdef acknowledge(Channel channel, list deliveries)
