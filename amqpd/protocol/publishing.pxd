cimport cython
from amqpd.broker.confirms cimport Confirms
from amqpd.broker.destination cimport Destination
from amqpd.broker.vhost cimport VHost
from amqpd.broker.message cimport Message
from amqpd.properties cimport Properties
from amqpd.protocol.channel cimport Channel
from amqpd.protocol.connection cimport Connection
from amqpd.protocol.publish_plan cimport PublishPlan, Tally
from amqpd.wire.content cimport ContentHeader

cdef int REJECTED
cdef unsigned int LOOKED_AT, REPLY_TO, EXPIRATION, HEADERS, USER_ID

@cython.locals(connection=Connection, plan=PublishPlan, properties=Properties, route=tuple, keys=tuple,
               message=Message, confirms=Confirms, accepted=bint, destination=Destination, vhost=VHost, tally=Tally)
cpdef publish(Channel channel, bytes payload, ContentHeader header, bytes body)
