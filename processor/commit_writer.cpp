#include "processor/commit_writer.h"

#include <algorithm>
#include <chrono>
#include <vector>

#include "platform/postgres/copy_rows.h"
#include "platform/status.h"
#include "processor/candle_rows.h"
#include "processor/gap_rows.h"
#include "processor/store.h"

namespace quantstream::processor {
namespace {

using postgres::Connection;
using postgres::CopyRows;
using postgres::Param;

CommitOutcome Failed(const absl::Status& status) {
  return {CommitOutcome::kFailed, {}, AsStoreError(status)};
}

// COPY into `table`, or through a temporary table of the same columns and an INSERT that ends in
// `on_conflict`.
absl::StatusOr<int64_t> CopyInto(Connection& connection, const std::string& table,
                                 const std::string& columns, const CopyRows& rows,
                                 const std::string& on_conflict) {
  if (on_conflict.empty()) {
    return connection.CopyIn("COPY " + table + " (" + columns + ") FROM STDIN (FORMAT binary)",
                             rows);
  }
  std::string waiting = "waiting_" + table;
  absl::Status made = connection.ExecScript("CREATE TEMPORARY TABLE IF NOT EXISTS " + waiting +
                                            " (LIKE " + table + "); TRUNCATE " + waiting);
  if (!made.ok()) {
    return made;
  }
  auto copied =
      connection.CopyIn("COPY " + waiting + " (" + columns + ") FROM STDIN (FORMAT binary)", rows);
  if (!copied.ok()) {
    return copied.status();
  }
  auto inserted = connection.Exec("INSERT INTO " + table + " (" + columns + ") SELECT " + columns +
                                  " FROM " + waiting + " " + on_conflict);
  if (!inserted.ok()) {
    return inserted.status();
  }
  return inserted->rows_affected();
}

// `ON CONFLICT … DO UPDATE` of every column but the key's.
std::string ReplaceCandle(bool where_newer) {
  std::string columns(kCandleColumns);
  std::string values = columns.substr(columns.find("open,"));
  std::string excluded = "excluded." + values;
  for (size_t at = 0; (at = excluded.find(", ", at)) != std::string::npos; at += 2) {
    excluded.insert(at + 2, "excluded.");
  }
  return "ON CONFLICT (instrument_id, interval_s, open_time) DO UPDATE SET (" + values + ") = (" +
         excluded + ")" + (where_newer ? " WHERE candles.version < excluded.version" : "");
}

std::string InConflict(const char* key, const char* action) {
  return std::string("ON CONFLICT (") + key + ") " + action;
}

}  // namespace

CommitOutcome CommitWriter::Write(Connection& connection, const Commit& commit) {
  auto began = std::chrono::steady_clock::now();
  absl::Status prepared = Prepare(connection, commit);
  if (!prepared.ok()) {
    return Failed(prepared);
  }
  CommitOutcome outcome = WriteOnce(connection, commit, NewRows::kByCopy);
  if (outcome.kind == CommitOutcome::kFailed && postgres::IsUniqueViolation(outcome.status)) {
    int64_t rows = new_rows_;
    outcome = WriteOnce(connection, commit, NewRows::kWhereNewer);
    metrics_->UpsertFellBack(rows);
  }
  if (outcome.kind == CommitOutcome::kLanded) {
    metrics_->CommitLanded(std::chrono::steady_clock::now() - began, new_rows_, replaced_rows_);
  } else {
    catalog_.ForgetPartitions();
  }
  return outcome;
}

// Numbers of instruments and partitions of `candles`, each in a transaction of its own.
absl::Status CommitWriter::Prepare(Connection& connection, const Commit& commit) {
  for (const auto& part : commit) {
    std::vector<std::string> names;
    auto add = [&](const std::string& name) {
      if (!name.empty() && !catalog_.Knows(name)) {
        names.push_back(name);
      }
    };
    for (const CandleRow& row : part->candles) {
      add(row.key.instrument);
    }
    for (const GapRow& row : part->gaps) {
      add(row.instrument);
    }
    for (const LateTradeRow& row : part->late_trades) {
      add(row.instrument);
    }
    for (const InstrumentState& state : part->instruments) {
      add(state.instrument);
    }
    std::sort(names.begin(), names.end());
    names.erase(std::unique(names.begin(), names.end()), names.end());
    absl::Status numbered = catalog_.NumberInstruments(connection, part->partition, names);
    if (!numbered.ok()) {
      return numbered;
    }
    for (const CandleRow& row : part->candles) {
      absl::Status made = catalog_.MakePartition(connection, row.key.interval, row.key.open_time);
      if (!made.ok()) {
        return made;
      }
    }
  }
  return absl::OkStatus();
}

CommitOutcome CommitWriter::WriteOnce(Connection& connection, const Commit& commit, NewRows how) {
  if (absl::Status begun = connection.Begin(); !begun.ok()) {
    return Failed(begun);
  }
  absl::StatusOr<std::vector<int32_t>> unmatched = Fence(connection, commit);
  absl::Status written = unmatched.status();
  if (written.ok() && unmatched->empty()) {
    written = WriteRows(connection, commit, how);
  }
  if (!written.ok() || !unmatched->empty()) {
    absl::Status rolled_back = connection.Rollback();  // a lost connection does the same
    if (!written.ok()) {
      return Failed(written);
    }
    return {CommitOutcome::kUnmatched, *std::move(unmatched), absl::OkStatus()};
  }
  postgres::CommitResult result = connection.Commit();
  switch (result.outcome) {
    case postgres::CommitOutcome::kCommitted:
      return {CommitOutcome::kLanded, {}, absl::OkStatus()};
    case postgres::CommitOutcome::kUnknown:
      return {CommitOutcome::kUnknown, {}, AsStoreError(result.status)};
    case postgres::CommitOutcome::kRolledBack:
      break;
  }
  return Failed(result.status);
}

// The first statement: all rows of the partitions, guarded. Returns those whose guard did not
// match.
absl::StatusOr<std::vector<int32_t>> CommitWriter::Fence(Connection& connection,
                                                         const Commit& commit) {
  std::vector<int32_t> partitions, leader_epochs;
  std::vector<int64_t> epochs, expected, generations, next_offsets, replay_from, last, crcs;
  std::vector<std::string> log_ids, states;
  for (const auto& part : commit) {
    const PartitionRow& row = part->row;
    RecordIdentity identity = row.last_record.value_or(RecordIdentity{Offset{-1}, -1, 0});
    partitions.push_back(part->partition);
    epochs.push_back(part->epoch.value);
    expected.push_back(part->expected_next_offset.value);
    generations.push_back(row.generation);
    next_offsets.push_back(row.next_offset.value);
    replay_from.push_back(row.replay_from.value);
    last.push_back(identity.offset.value);
    leader_epochs.push_back(identity.leader_epoch);
    crcs.push_back(identity.crc32);
    log_ids.push_back(row.log_id);
    states.push_back(row.state);
  }
  absl::StatusOr<postgres::Result> updated = connection.Exec(
      "UPDATE partition_progress p SET generation = n.generation, next_offset = n.next_offset, "
      "replay_from = n.replay_from, last_record_offset = nullif(n.last, -1), "
      "last_record_leader_epoch = n.leader_epoch, last_record_crc32 = n.crc, "
      "log_id = n.log_id, state = n.state, updated_at = now() "
      "FROM unnest($2::int4[], $3::int8[], $4::int8[], $5::int8[], $6::int8[], $7::int8[], "
      "$8::int8[], $9::int4[], $10::int8[], $11::text[], $12::bytea[]) AS n (partition, epoch, "
      "expected, generation, next_offset, replay_from, last, leader_epoch, crc, log_id, state) "
      "WHERE p.topic = $1 AND p.partition = n.partition AND p.epoch = n.epoch "
      "AND p.next_offset = n.expected RETURNING p.partition",
      {Param::Text(topic_), Param::Int4Array(partitions), Param::Int8Array(epochs),
       Param::Int8Array(expected), Param::Int8Array(generations), Param::Int8Array(next_offsets),
       Param::Int8Array(replay_from), Param::Int8Array(last), Param::Int4Array(leader_epochs),
       Param::Int8Array(crcs), Param::TextArray(log_ids), Param::ByteaArray(states)});
  if (!updated.ok()) {
    return Annotate(updated.status(), "fence");
  }
  std::erase_if(partitions, [&](int32_t partition) {
    for (int row = 0; row < updated->rows(); ++row) {
      if (updated->Int(row, 0) == partition) {
        return true;
      }
    }
    return false;
  });
  return partitions;
}

absl::Status CommitWriter::WriteRows(Connection& connection, const Commit& commit, NewRows how) {
  absl::Status written = WriteCandles(connection, commit, how);
  if (written.ok()) {
    written = WriteLateTrades(connection, commit, how);
  }
  if (written.ok()) {
    written = Annotate(WriteGaps(connection, topic_, catalog_, commit), "trade_gaps");
  }
  if (written.ok()) {
    written = Annotate(WriteStates(connection, commit), "operator_state");
  }
  return written.ok() ? Annotate(WriteOutbox(connection, commit), "outbox") : written;
}

absl::Status CommitWriter::WriteCandles(Connection& connection, const Commit& commit, NewRows how) {
  CopyRows fresh(kCandleColumnCount);
  CopyRows changed(kCandleColumnCount);
  for (const auto& part : commit) {
    for (const CandleRow& row : part->candles) {
      AppendCandleRow(catalog_.NumberOf(row.key.instrument), row.key, row.candle,
                      row.is_new ? fresh : changed);
    }
  }
  new_rows_ = fresh.rows();
  replaced_rows_ = changed.rows();
  if (!fresh.empty()) {
    auto copied = CopyInto(connection, "candles", kCandleColumns, fresh,
                           how == NewRows::kByCopy ? "" : ReplaceCandle(true));
    if (!copied.ok()) {
      return Annotate(copied.status(), "new candles");
    }
  }
  if (!changed.empty()) {
    auto replaced = CopyInto(connection, "candles", kCandleColumns, changed, ReplaceCandle(false));
    if (!replaced.ok()) {
      return Annotate(replaced.status(), "revised candles");
    }
  }
  return absl::OkStatus();
}

absl::Status CommitWriter::WriteLateTrades(Connection& connection, const Commit& commit,
                                           NewRows how) {
  CopyRows rows(kLateColumnCount);
  for (const auto& part : commit) {
    for (const LateTradeRow& late : part->late_trades) {
      absl::Status appended = AppendLateTradeRow(catalog_.NumberOf(late.instrument), late, rows);
      if (!appended.ok()) {
        return appended;
      }
    }
  }
  if (rows.empty()) {
    return absl::OkStatus();
  }
  std::string on_conflict =
      how == NewRows::kByCopy
          ? ""
          : InConflict("instrument_id, open_time, version, record_index", "DO NOTHING");
  return Annotate(CopyInto(connection, "late_trades", kLateColumns, rows, on_conflict).status(),
                  "late_trades");
}

absl::Status CommitWriter::WriteStates(Connection& connection, const Commit& commit) {
  std::vector<int32_t> partitions, ids;
  std::vector<std::string> states;
  for (const auto& part : commit) {
    for (const InstrumentState& instrument : part->instruments) {
      partitions.push_back(part->partition);
      ids.push_back(catalog_.NumberOf(instrument.instrument));
      states.push_back(instrument.state);
    }
  }
  if (ids.empty()) {
    return absl::OkStatus();
  }
  return connection
      .Exec(
          "INSERT INTO operator_state (topic, partition, instrument_id, state) "
          "SELECT $1, * FROM unnest($2::int4[], $3::int4[], $4::bytea[]) "
          "ON CONFLICT (topic, partition, instrument_id) DO UPDATE SET state = excluded.state",
          {Param::Text(topic_), Param::Int4Array(partitions), Param::Int4Array(ids),
           Param::ByteaArray(states)})
      .status();
}

// One statement drops what was delivered, one adds what is new.
absl::Status CommitWriter::WriteOutbox(Connection& connection, const Commit& commit) {
  std::vector<int32_t> partitions, cut_partitions;
  std::vector<int64_t> versions, delivered;
  std::vector<std::string> payloads;
  for (const auto& part : commit) {
    if (part->outbox.has_value()) {
      partitions.push_back(part->partition);
      versions.push_back(part->outbox->version);
      payloads.push_back(part->outbox->payload);
    }
    if (part->delivered_version >= 0) {
      cut_partitions.push_back(part->partition);
      delivered.push_back(part->delivered_version);
    }
  }
  if (!cut_partitions.empty()) {
    auto cut = connection.Exec(
        "DELETE FROM outbox o USING unnest($2::int4[], $3::int8[]) AS d (partition, version) "
        "WHERE o.topic = $1 AND o.partition = d.partition AND o.version <= d.version",
        {Param::Text(topic_), Param::Int4Array(cut_partitions), Param::Int8Array(delivered)});
    if (!cut.ok()) {
      return cut.status();
    }
  }
  if (partitions.empty()) {
    return absl::OkStatus();
  }
  return connection
      .Exec(
          "INSERT INTO outbox (topic, partition, version, payload) SELECT $1, * FROM "
          "unnest($2::int4[], $3::int8[], $4::bytea[]) "
          "ON CONFLICT (topic, partition, version) DO UPDATE SET payload = excluded.payload",
          {Param::Text(topic_), Param::Int4Array(partitions), Param::Int8Array(versions),
           Param::ByteaArray(payloads)})
      .status();
}

}  // namespace quantstream::processor
