cimport cython
from amqpd.broker.confirms cimport Confirms
from amqpd.broker.session cimport Session
from amqpd.broker.unacked cimport Unacked
from amqpd.protocol.connection cimport Connection
from amqpd.protocol.line cimport Line
from amqpd.protocol cimport publishing
from amqpd.protocol.consumer cimport ChannelConsumer
from amqpd.protocol.publish_plan cimport PublishPlan, PublishPlans
from amqpd.wire cimport hot
from amqpd.wire.content cimport ContentAssembler, ContentHeader

cdef int METHOD
cdef dict SETTLEMENTS

cdef class Channel:
    cdef public bint _confirming
    cdef public bint _window_shut
    cdef public long long acked
    cdef public object ages
    cdef public bint announced
    cdef public ContentAssembler assembler
    cdef public tuple awaited
    cdef public bint closing
    cdef public Confirms confirms
    cdef public Connection connection
    cdef public dict consumers
    cdef public dict counted_gets
    cdef public long long delivery_tag
    cdef public bint direct
    cdef public long long get_empty
    cdef public long long gets
    cdef public long long gets_no_ack
    cdef public bint is_open
    cdef public bytes last_payload
    cdef public PublishPlan last_plan
    cdef public str last_queue
    cdef public Line line
    cdef public int number
    cdef public str pid
    cdef public PublishPlans plans
    cdef public long long prefetch
    cdef public object reply_port
    cdef public dict retired
    cdef public Session session
    cdef public object settling
    cdef public object transaction
    cdef public long long turned_back
    cdef public Unacked unacked
    cdef public long long window
    cdef public long long window_used

    cpdef publish(self, bytes payload, bytes header, bytes body)
    @cython.locals(plan=PublishPlan, plans=PublishPlans)
    cpdef PublishPlan plan_of(self, bytes payload)
    @cython.locals(assembler=ContentAssembler, behind_replies=bint)
    cpdef receive(self, int kind, tuple ids, bytes payload)
    cpdef _receive_content(self, int kind, bytes payload)
    @cython.locals(tag="unsigned long long", bits=int)
    cpdef _method(self, tuple ids, bytes payload)
    cpdef confirm_later(self)
    @cython.locals(consumer=ChannelConsumer)
    cpdef settle(self, tuple delivery)
    @cython.locals(delivery=tuple, previous=ChannelConsumer)
    cpdef settled(self, list deliveries)
