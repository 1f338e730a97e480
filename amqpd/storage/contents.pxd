cimport cython
from amqpd.broker.message cimport Message, Trail
from amqpd.properties cimport Properties

@cython.locals(trail=Trail, properties=Properties)
cpdef content_of(Message message)
