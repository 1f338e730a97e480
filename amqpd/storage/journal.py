"""The journal of a durable broker: it collects what a turn changes and commits it, one group at a time.

While one commit is with the engine, everything that happens belongs to the next: an idle broker commits a single
message at once, a busy one batches. A commit is the changes of definitions, then one row of records, so that no record
becomes durable before what it refers to; with that row come the chunks of streams. It ends between turns: what one turn
did is there as a whole or not at all. A queue that is deleted after its messages moved elsewhere ends a commit: its
end is in the next one, so that the messages are never nowhere.
After a commit comes one short step of `care`, if any is due; an idle broker goes on with that until nothing is.

Where a full disk refuses a commit, it is still to be made, and what comes meanwhile is added to it: what is published
and acknowledged in between leaves no trace. It is tried again once the reserve has been given back, and from time to
time.
After any other error of the disk nothing more is taken: the disk alarm blocks publishers, what waits to be confirmed is
refused, and consumers go on with what is in memory. https://www.rabbitmq.com/docs/alarms
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from amqpd.broker import restoring
from amqpd.broker.definitions import Change
from amqpd.broker.message import Account
from amqpd.broker.packed_run import Run
from amqpd.broker.pending import Pending
from amqpd.broker.ports import Inline, Journal, JournalFailed, Offload
from amqpd.broker.work import Call, WorkList
from amqpd.log import get_logger
from amqpd.storage.batch import Batch
from amqpd.storage.care import SLACK, Care
from amqpd.storage.commit import Commit
from amqpd.storage.files import is_full
from amqpd.storage.losses import losses
from amqpd.storage.placement import Rows
from amqpd.storage.recorder import Recorder
from amqpd.storage.recording import RecordingAccount
from amqpd.storage.recovery import Recovery, Survey
from amqpd.storage.room import Room
from amqpd.storage.streams import Step, Streams, StreamStore

if TYPE_CHECKING:
    from amqpd.broker.broker import Broker
    from amqpd.broker.pager import Pager
    from amqpd.broker.stream.store import ChunkStore
    from amqpd.clock import Clock
    from amqpd.storage.engine import Engine
    from amqpd.storage.spill import SpillFiles

log = get_logger(__name__)

COMMITTED: Final = 8192
"""Octets that an engine writes for the least commit, or change, about: pages of a database."""
SHARD: Final = "broker"
"""An embedded engine has one: all queues."""


class EngineJournal(Journal):
    """Records what the model does, on an engine."""

    def __init__(self, engine: Engine, clock: Clock, spill: SpillFiles | None = None, *, slack: int = SLACK) -> None:
        """Own the engine and the spill from now on. Restoring comes before anything is recorded.

        `slack`: octets that rows may take up on disk beyond twice what is needed.
        """
        self.immediate = False
        self.keeps_definitions = True
        self._engine = engine
        self.spill = spill
        """Where messages go that memory has no room for."""
        self._clock = clock
        self._epoch = engine.claim(SHARD)
        self._offload: Offload = Inline()
        self._work: WorkList | None = None
        self.rows = Rows()
        """Which row holds a message."""
        self._streams = Streams(engine, SHARD, self._stream_changed, self._schedule)
        self._care = Care(engine, SHARD, self.rows, self._streams, slack)
        self._cared = True
        """Whether a step of care came after the last commit."""
        self._caring = False
        self._recorder = Recorder(clock, self._schedule)
        self._ended: deque[Commit] = deque()
        """Those that are whole and come before the recorder's."""
        self._flying: Commit | None = None
        self._scheduled = False
        self._error: Exception | None = None
        self._waits = False
        """Whether there is no use in trying before there is room."""
        self.room: Room | None = None
        """Who knows whether there is any; None: a full disk is an error like others."""
        self.on_failure: Callable[[], None] | None = None
        """Called once when the disk has failed."""

    # -- life --------------------------------------------------------------------------------------------------------

    def attach(self, work: WorkList) -> None:
        self._work = work

    def start(self, offload: Offload) -> None:
        """Commit elsewhere from now on: the engine may block."""
        self._offload = offload
        if self.room is not None:
            self.room.on_look = self._try_again
            self.room.start(offload)
        self._schedule()

    def close(self) -> None:
        """Commit what is left, and let go of the engine."""
        self._offload = Inline()
        flying, self._flying, self._caring = self._flying, None, False
        self._waits = False
        if flying is not None:
            # Nobody will tell what became of it. If it is there, a second time changes nothing: see `recovery`.
            self._launch(flying)
        while (self._ended or self._recorder.commit) and self._error is None and not self._waits:
            self._cared = True
            self._begin()
        if self._recorder.commit and self._error is None:
            log.error("the disk is full: what was not confirmed yet, and the last acknowledgements, are lost")
        self._engine.close()
        if self.spill is not None:
            self.spill.close()

    # -- recovery ----------------------------------------------------------------------------------------------------

    def restore_access(self, broker: Broker) -> bool:
        """Restore virtual hosts, users, permissions and policies; return whether there were any."""
        return restoring.restore_access(broker, self._engine.get)

    def restore_graph(self, broker: Broker, pager: Pager | None = None) -> None:
        """Restore exchanges, queues with their messages, and bindings. Raises OSError.

        The pager moves messages out of memory while they come in.
        """
        survey = Survey(self._engine.read(SHARD))
        damages = self._engine.damages()
        for damage in damages:
            log.error("damaged data: what it held is lost", where=damage.where, what=damage.what)
        self._streams.load()
        restored = restoring.restore_graph(broker, self._engine.get)
        for loss in losses(self._engine.read(SHARD)) if damages else ():
            if loss.queue in restored.holders:
                holder = restored.holders[loss.queue]
                log.error("messages may be lost", **{holder.kind: holder.name}, first=loss.first, last=loss.last)
        offset = self._clock.monotonic() - self._clock.wall()
        defined = [*restored.holders, *restored.missing]
        recovery = Recovery(survey, defined, offset, self.rows)
        self._streams.forget(defined)
        with broker.dead_letters_held():
            # What expired meanwhile dies at once, and may go to a queue that doesn't have its own messages yet.
            count = 0
            for number, run in self._recovered(recovery):
                count += run.count
                if number in restored.holders:
                    restored.holders[number].restore(run)
                    if pager is not None:
                        pager.relieve()
            for number, holder in restored.holders.items():
                known = survey.queues.get(number)
                holder.restored(0 if known is None else known.last_number)
        self._engine.damages()  # told already
        if count:
            log.info("messages recovered", messages=count)

    def _recovered(self, recovery: Recovery) -> Iterator[tuple[int, Run]]:
        for seq, data in self._engine.read(SHARD):
            yield from recovery.row(seq, data)
        yield from recovery.rest()

    # -- records -----------------------------------------------------------------------------------------------------

    def account_of(self, account: Account, number: int, *, all_messages: bool) -> Account:
        return RecordingAccount(account, self._recorder, number, all_messages=all_messages)

    def chunks_of(self, stream: int) -> ChunkStore:
        return self._streams.store_of(stream)

    def define(self, change: Change) -> None:
        if self._error is None:
            self._recorder.commit.changes.append(change)
            self._schedule()

    def leaves(self, number: int) -> None:
        """What others got of it is in the row of a commit, and definitions come before the row: so its end is for the
        commit after.
        """
        if self._recorder.commit.has_taken_from(number):
            self._end_commit()

    def _stream_changed(self, store: StreamStore) -> None:
        if self._error is None:
            self._recorder.commit.streams[store.number] = store
            self._schedule()

    # -- commits -----------------------------------------------------------------------------------------------------

    def definitions_durable(self) -> Pending[None] | None:
        if self._error is None:
            return self._last_durable(lambda commit: bool(commit.changes))
        return self._never()

    def messages_durable(self) -> Pending[None] | None:
        if self._error is None:
            commit = self._recorder.commit
            if commit.has_messages():  # on the way of each message that is confirmed
                return commit.durable
            return self._last_durable(Commit.has_messages)
        return self._never()

    def _last_durable(self, concerned: Callable[[Commit], bool]) -> Pending[None] | None:
        """The moment of the newest commit that is concerned; None: there is none on its way."""
        for commit in (self._recorder.commit, *reversed(self._ended), self._flying):
            if commit is not None and concerned(commit):
                return commit.durable
        return None

    def _never(self) -> Pending[None]:
        pending: Pending[None] = Pending()
        pending.fail(self._failure())
        return pending

    def _schedule(self) -> None:
        idle = self._flying is None and not self._caring and not self._waits
        if idle and not self._scheduled and self._work is not None:
            self._scheduled = True
            self._work.add(Call(self._begin))

    def _begin(self) -> None:
        self._scheduled = False
        if self._flying is not None or self._caring or self._waits or self._error is not None:
            return
        wanted = bool(self._ended or self._recorder.commit or self._care.moving)
        step = None if wanted and self._cared else self._care.next_step()
        self._cared = True
        if step is not None:
            self._take_care(step)
        elif wanted:
            if not self._ended:
                self._end_commit()
            commit = self._ended.popleft()
            self._care.copy_into(commit.batch)
            self._launch(commit)

    def _end_commit(self) -> None:
        """What is recorded from now on belongs to the next one."""
        commit = self._recorder.commit
        for store in list(commit.streams.values()):
            store.about_to_commit()
        commit.take_chunks()
        self._recorder.commit = Commit()
        self._ended.append(commit)

    def _launch(self, commit: Commit) -> None:
        self._flying = commit
        for account in commit.touched.values():
            if account.queue is not None:
                commit.batch.deliver(account.number, account.queue.delivered_up_to())
        self._offload.run(lambda: self._commit(commit)).when_done(lambda done: self._committed(commit, done))

    def _commit(self, commit: Commit) -> tuple[int, int, int]:
        """What takes time: away from the broker's thread, which leaves the commit alone meanwhile.

        Return the number of the row, its octets, and how many the engine wrote in all, about.
        """
        if commit.changes:
            self._engine.put(commit.changes)
        seq = octets = 0
        chunks = [each.row() for each in commit.chunks]
        if commit.batch or chunks:
            data = commit.batch.encode()
            octets = len(data)
            seq = self._engine.append(SHARD, self._epoch, data, chunks)
        written = octets + sum(len(each.payload) for each in chunks) + COMMITTED * (1 + len(commit.changes))
        return seq, octets, written

    def _committed(self, commit: Commit, done: Pending[tuple[int, int, int]]) -> None:
        self._flying = None
        try:
            seq, octets, written = done.result()
        except Exception as error:  # noqa: BLE001  # a disk or a defect: in either case it isn't known to be there
            for later in (*self._ended, self._recorder.commit):
                commit.absorb(later)
            self._ended.clear()
            self._recorder.commit = commit
            self._refused(error)
            return
        if octets:
            self._written(seq, octets, commit.batch)
        for chunk in commit.chunks:
            chunk.store.saved(chunk.extent.end)
        self._care.wrote(written)
        self._cared = False
        commit.durable.settle(None)
        self._begin()

    def _written(self, seq: int, octets: int, batch: Batch) -> None:
        """A row is durable."""
        queues = batch.queues
        self.rows.add(seq, octets, batch.placed(), {number: records.copied for number, records in queues.items()})
        for number, records in queues.items():
            for first, last in records.settled:
                self.rows.settled(number, first, last)
            for each, failures in records.returned.items():
                self.rows.returned(number, each, failures)
            self.rows.delivered(number, records.delivered)

    def _take_care(self, step: Step) -> None:
        self._caring = True

        def taken(done: Pending[Callable[[], None]]) -> None:
            self._caring = False
            try:
                done.result()()
            except Exception as error:  # noqa: BLE001  # as after a commit
                self._refused(error)
            else:
                self._schedule()  # not at once: there may be many steps, and others wait for their turn

        self._offload.run(step).when_done(taken)

    def _refused(self, error: Exception) -> None:
        """The engine could not do something; what is to be committed is the recorder's."""
        if self.room is None or not is_full(error):
            self._fail(error)
            return
        self._waits = not self.room.ran_out()
        self._cared = False  # a step of care may make room
        self._schedule()

    def _try_again(self) -> None:
        if self._waits:
            self._waits = False
            self._schedule()

    def _fail(self, error: Exception) -> None:
        self._error = error
        self._recorder.stopped = True
        log.error(
            "the journal has failed: publishers are blocked, and nothing is recorded any more. "
            "Make room or repair the disk, then restart the broker.",
            exc_info=error,
        )
        lost = [*self._ended, self._recorder.commit]
        self._ended.clear()
        self._recorder.commit = Commit()
        for commit in lost:
            commit.durable.fail(self._failure())
        if self.on_failure is not None:
            self.on_failure()

    def _failure(self) -> JournalFailed:
        return JournalFailed(f"the journal has failed: {self._error}")
