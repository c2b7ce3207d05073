// What the processor needs of the world: Source (topic `trades`), Store (the database), Publisher
// (topics `candles` and `dead-letter`), and the data that crosses. The core knows these and nothing
// of Kafka or SQL; the simulation has its own.
//
// Everything here is called on one worker's thread and by nobody else. A call that returns Status
// blocks for a bounded time (the implementation's own time-outs). Of codes the core tells apart:
// kAborted = fenced (another owner), kOutOfRange = the log does not hold it, kDataLoss and
// kFailedPrecondition = stop this partition by name; anything else is transient: the core drops
// what it holds of the partition and takes it over again after a back-off.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "market/candle_codec.h"
#include "market/time.h"

namespace quantstream::processor {

// ------------------------------------------------------------------------------------------------
// source

// A record of topic `trades`. `bytes` live until the next Poll (in a Read: until the callback
// returns).
struct Record {
  int32_t partition = 0;
  Offset offset;
  int32_t leader_epoch = -1;
  EventTime log_time;  // log-append time
  std::string_view bytes;
};

// A log's extent: it holds offsets in [start, end). `log_id` names the very log (cluster and topic
// id), empty = unknown: it changes when the topic was deleted and made again.
struct LogBounds {
  Offset start;
  Offset end;
  std::string log_id;
};

struct PartitionFailure {
  int32_t partition = 0;
  absl::Status status;  // kOutOfRange: the position is no longer in the log; kDataLoss: the log was
                        // truncated
};

// What a Poll brought, to be handled in this order.
struct SourceEvents {
  std::vector<int32_t> revoked;   // ours no more, from now on; also those lost without word
  std::vector<int32_t> assigned;  // ours; no records until Start
  std::vector<PartitionFailure> failed;
  std::vector<Record> records;  // per partition in order of offset
};

class Source {
 public:
  virtual ~Source() = default;

  // Waits at most `wait_us` for something to happen; `events` is cleared first. Per started
  // partition the records come from the offset given to Start on, without a hole and each once; one
  // that follows with a hole is the log's own fault and the core stops that partition. A partition
  // assigned again after it was revoked is named again. At most a few thousand records or 8 MiB at
  // once. An error concerns the whole source and is transient.
  virtual absl::Status Poll(int64_t wait_us, SourceEvents& events) = 0;

  // Asks the log itself, not a cache: the `end` is one that the log has after this call began.
  virtual absl::StatusOr<LogBounds> Bounds(int32_t partition) = 0;

  // Records come from `from` on. `leader_epoch` (of the record before; -1 = unknown) lets
  // truncation be noticed. Starting a partition that runs sets its position anew.
  virtual absl::Status Start(int32_t partition, Offset from, int32_t leader_epoch) = 0;

  // No more records of it, also none that were fetched already. It stays assigned.
  virtual void Stop(int32_t partition) = 0;

  // While paused, Poll brings no records and goes on with everything else. Nothing is lost by it.
  virtual void Pause(bool paused) = 0;

  // Reads [first, last] again, beside what Poll brings and without changing any position: `each` is
  // called for every record in order of offset. kOutOfRange when the log's start is behind `first`.
  virtual absl::Status Read(int32_t partition, Offset first, Offset last,
                            const std::function<void(const Record&)>& each) = 0;

  // For lag tools only; nothing rests on it.
  virtual void ReportCommitted(int32_t partition, Offset next_offset) = 0;
};

// ------------------------------------------------------------------------------------------------
// store: rows

// What tells whether the log that we read is the one that we read before: the record at next_offset
// - 1.
struct RecordIdentity {
  Offset offset;
  int32_t leader_epoch = -1;
  uint32_t crc32 = 0;  // of its bytes
  bool operator==(const RecordIdentity&) const = default;
};

// The row of one partition: everything that has one value as of next_offset.
struct PartitionRow {
  int64_t generation = 0;
  Offset next_offset;  // first record that is not reflected in what is stored
  Offset replay_from;  // first record that an open window needs; <= next_offset
  std::optional<RecordIdentity> last_record;  // absent: none was folded yet, or it is unknown
  std::string log_id;                         // as LogBounds::log_id, empty = unknown
  std::string state;  // packed by the core: clocks, nodes, sequences, claims, options; empty = new
                      // partition
  bool operator==(const PartitionRow&) const = default;
};

// Packed state of one instrument: ledger, newest accepted offset, open longer windows, panes stored
// whole.
struct InstrumentState {
  std::string instrument;  // venue:symbol
  std::string state;
  bool operator==(const InstrumentState&) const = default;
};

// A closed candle as it is to stand in the table.
struct CandleRow {
  CandleKey key;
  Candle candle;
  bool is_new =
      false;  // no row of this key yet: by COPY, whatever its state; otherwise the row is replaced
};

enum class GapCause : uint8_t { kMissingIds = 1, kUnknown = 2, kDisconnected = 3, kDataLoss = 4 };

// A row of `trade_gaps`, or the end of one: with closed_version set, the open row of the same
// instrument, cause and ids gets that version, where there is one; otherwise the row is new.
struct GapRow {
  GapCause cause = GapCause::kMissingIds;
  std::string instrument;                  // empty: of the venue, or of the whole partition
  std::string venue;                       // empty with DATA_LOSS
  std::optional<uint64_t> first_trade_id;  // missing ids, both included
  std::optional<uint64_t> last_trade_id;
  std::optional<EventTime> from_time;  // of the trades on both sides, or of the windows concerned
  std::optional<EventTime> until_time;
  std::optional<Offset> first_offset;  // DATA_LOSS: both included
  std::optional<Offset> last_offset;
  int64_t opened_version = 0;
  std::optional<int64_t> closed_version;
};

// A trade that came after its 1 s window had closed. Key: instrument, open_time, version, index.
// Readable columns may be filled from `batch`.
struct LateTradeRow {
  std::string instrument;
  EventTime open_time;  // of its 1 s window
  int64_t version = 0;  // generation and offset of its record
  uint32_t index = 0;   // within the record
  std::string batch;    // quantstream.v1.TradeBatch with node, session, sequence and this one trade
};

// One row of the outbox: what a commit wants published, packed by the core (outbox.h unpacks it).
struct OutboxRow {
  int64_t version = 0;  // greatest in it; unique in the partition, grows
  std::string payload;
  bool operator==(const OutboxRow&) const = default;
};

// ------------------------------------------------------------------------------------------------
// store: commit

// What one partition puts into a transaction. Frozen: the core reads its rows as an overlay while
// it is in flight.
struct PartitionCommit {
  int32_t partition = 0;
  Epoch epoch;                               // guard: the row's epoch is this one
  Offset expected_next_offset;               // guard: the row's next_offset is this one
  PartitionRow row;                          // the new row
  std::vector<CandleRow> candles;            // each key once
  std::vector<GapRow> gaps;                  // in order
  std::vector<LateTradeRow> late_trades;     // new keys
  std::vector<InstrumentState> instruments;  // changed ones
  std::optional<OutboxRow> outbox;
  int64_t delivered_version = -1;  // outbox rows up to this version were delivered and are deleted
};

using Commit = std::vector<std::shared_ptr<const PartitionCommit>>;

struct CommitOutcome {
  enum Kind {
    kLanded,     // committed, all of it: seen, not assumed
    kUnmatched,  // rolled back: the guards of `unmatched` did not match; the others' did
    kUnknown,    // the answer was lost: all of it is committed, or will be, or nothing
    kFailed,     // certainly nothing is committed; `status` says why
  };
  Kind kind = kFailed;
  std::vector<int32_t> unmatched;
  absl::Status status;
};

// Guards of a row as they stand now.
struct StoredProgress {
  Epoch epoch;
  Offset next_offset;
  bool operator==(const StoredProgress&) const = default;
};

// All that a take-over loads.
struct TakenOver {
  Epoch epoch;  // the new one, ours
  PartitionRow row;
  std::vector<InstrumentState> instruments;
  std::vector<OutboxRow> outbox;  // left over by earlier owners: the first page, as ReadOutbox
};

// ------------------------------------------------------------------------------------------------
// store: read-back

// A 1 s window of an instrument.
struct PaneKey {
  std::string instrument;
  EventTime open_time;
  auto operator<=>(const PaneKey&) const = default;
};

// Which closed 1 s candles stand next to a window, within [from, until).
struct NeighbourQuery {
  PaneKey pane;
  EventTime from;
  EventTime until;
};

// Is the id in a gap of cause UNKNOWN of this instrument?
struct GapQuery {
  std::string instrument;
  uint64_t trade_id = 0;
};

// Reads for late trades, answered from one snapshot and only while `epoch` is the row's (the
// fence).
struct ReadBack {
  int32_t partition = 0;
  Epoch epoch;
  std::vector<CandleKey> candles;
  std::vector<NeighbourQuery> neighbours;
  std::vector<PaneKey> late_trades;
  std::vector<GapQuery> gaps;
};

struct NeighbourClose {
  EventTime open_time;
  Decimal close;
};

struct Neighbours {
  std::optional<NeighbourClose> before;  // greatest open_time < pane.open_time, >= from
  std::optional<NeighbourClose> after;   // least open_time > pane.open_time, < until
};

struct ReadBackAnswer {
  std::vector<KeyedCandle> candles;       // those that exist, in any order
  std::vector<Neighbours> neighbours;     // one per query, in order
  std::vector<LateTradeRow> late_trades;  // of all asked panes
  std::vector<bool> in_gap;               // one per query, in order
};

class Store {
 public:
  virtual ~Store() = default;

  // Makes the row when there is none (offsets 0, empty state), then raises the epoch by one and
  // loads everything, in one transaction that holds the row's lock from the raise on.
  // kFailedPrecondition: the stored state is of another partition count.
  virtual absl::StatusOr<TakenOver> TakeOver(int32_t partition) = 0;

  // Starts one transaction for all of it, beside the caller: first the guarded update of every
  // partition's row (epoch and expected next_offset, in order of partition), then the rows. A row
  // marked new that exists (it is of an earlier generation) is replaced where the version is newer.
  // REQUIRES: no commit in flight, at least one partition, each once.
  virtual void BeginCommit(Commit commit) = 0;

  // The outcome of the commit in flight, once it is known; never blocks. After it no commit is in
  // flight.
  virtual std::optional<CommitOutcome> PollCommit() = 0;

  // The row's guards, read from the primary. kNotFound when there is no row.
  virtual absl::StatusOr<StoredProgress> ReadProgress(int32_t partition) = 0;

  // Outbox rows behind this version, in order of version: at least one, where there is any, and not
  // many more bytes than fit well into memory. None once the epoch is not the row's.
  virtual absl::StatusOr<std::vector<OutboxRow>> ReadOutbox(int32_t partition, Epoch epoch,
                                                            int64_t after_version) = 0;

  // On a connection of its own: does not wait for the commit in flight, and may or may not see it.
  // kAborted when the epoch is not the row's any more.
  virtual absl::StatusOr<ReadBackAnswer> Read(const ReadBack& request) = 0;
};

// ------------------------------------------------------------------------------------------------
// publisher

class Publisher {
 public:
  virtual ~Publisher() = default;

  // Queues the messages of a committed outbox row, in its order and after those queued before, and
  // sends them until they are delivered. False = the queue is full, nothing was taken: ask again. A
  // row of a version that was taken before in this epoch is not given again.
  virtual bool PublishCommitted(int32_t partition, const OutboxRow& row) = 0;

  // Greatest version such that every row taken up to it was delivered; -1 = none yet.
  virtual int64_t DeliveredVersion(int32_t partition) = 0;

  // Whether the next open candles of the partition are to be given: none is on its way any more. A
  // broker that is slow gets fewer states, not a longer queue of old ones.
  virtual bool TakesOpen(int32_t /*partition*/) { return true; }

  // A CandleEvent of open candles or Progress, after what was queued before. Dropped (false) when
  // the queue is full.
  virtual bool PublishEvent(int32_t partition, std::string candle_event) = 0;

  // The partition is ours no more: forget what was queued for it and how far it was delivered. What
  // is on its way may still arrive (rule 17 allows it).
  virtual void Forget(int32_t partition) = 0;
};

}  // namespace quantstream::processor
