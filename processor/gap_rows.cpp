#include "processor/gap_rows.h"

#include <optional>
#include <utility>
#include <vector>

#include "platform/postgres/copy_rows.h"
#include "platform/postgres/value.h"
#include "platform/status.h"

namespace quantstream::processor {
namespace {

using postgres::Connection;
using postgres::CopyRows;
using postgres::Param;

constexpr char kColumns[] =
    "topic, partition, instrument_id, venue, cause, first_trade_id, last_trade_id, from_time, "
    "until_time, first_offset, last_offset, opened_version, closed_version";
constexpr int kColumnCount = 13;

struct PlacedGap {
  const PartitionCommit* commit;
  const GapRow* gap;
};

bool IsEnding(const GapRow& gap) {
  return gap.closed_version && gap.first_trade_id && gap.last_trade_id && !gap.instrument.empty();
}

// Columns of the gaps that end, side by side.
struct Endings {
  std::vector<PlacedGap> gaps;
  std::vector<int32_t> partitions, instruments;
  std::vector<std::string> causes, first_ids, last_ids;
  std::vector<int64_t> closed_versions;

  void Add(const PlacedGap& placed, const Catalog& catalog) {
    const GapRow& gap = *placed.gap;
    gaps.push_back(placed);
    partitions.push_back(placed.commit->partition);
    instruments.push_back(catalog.NumberOf(gap.instrument));
    causes.emplace_back(GapCauseName(gap.cause));
    first_ids.push_back(std::to_string(*gap.first_trade_id));
    last_ids.push_back(std::to_string(*gap.last_trade_id));
    closed_versions.push_back(*gap.closed_version);
  }
};

// Ends the rows that are open; those without such a row are left in `gaps`.
absl::Status End(Connection& connection, const std::string& topic, const Endings& endings,
                 std::vector<PlacedGap>& without_row) {
  if (endings.gaps.empty()) {
    return absl::OkStatus();
  }
  auto ended = connection.Exec(
      "UPDATE trade_gaps g SET closed_version = n.closed FROM "
      "unnest($2::int4[], $3::int4[], $4::text[], $5::text[], $6::text[], $7::int8[]) "
      "WITH ORDINALITY AS n (partition, instrument, cause, first_id, last_id, closed, place) "
      "WHERE g.topic = $1 AND g.partition = n.partition AND g.instrument_id = n.instrument "
      "AND g.cause = n.cause AND g.first_trade_id = n.first_id::numeric "
      "AND g.last_trade_id = n.last_id::numeric "
      "AND coalesce(g.closed_version, n.closed) = n.closed RETURNING n.place",
      {Param::Text(topic), Param::Int4Array(endings.partitions),
       Param::Int4Array(endings.instruments), Param::TextArray(endings.causes),
       Param::TextArray(endings.first_ids), Param::TextArray(endings.last_ids),
       Param::Int8Array(endings.closed_versions)});
  if (!ended.ok()) {
    return ended.status();
  }
  std::vector<bool> found(endings.gaps.size());
  for (int row = 0; row < ended->rows(); ++row) {
    found.at(static_cast<size_t>(ended->Int(row, 0) - 1)) = true;
  }
  for (size_t i = 0; i < found.size(); ++i) {
    if (!found[i]) {
      without_row.push_back(endings.gaps[i]);
    }
  }
  return absl::OkStatus();
}

void AppendId(const std::optional<uint64_t>& id, CopyRows& rows) {
  id ? rows.Numeric(static_cast<__int128>(*id), 0) : rows.Null();
}

void AppendTime(const std::optional<EventTime>& time, CopyRows& rows) {
  time ? rows.TimestampTz(time->us) : rows.Null();
}

void AppendOffset(const std::optional<Offset>& offset, CopyRows& rows) {
  offset ? rows.Int8(offset->value) : rows.Null();
}

void AppendGap(const PlacedGap& placed, const std::string& topic, const Catalog& catalog,
               CopyRows& rows) {
  const GapRow& gap = *placed.gap;
  rows.StartRow();
  rows.Text(topic);
  rows.Int4(placed.commit->partition);
  gap.instrument.empty() ? rows.Null() : rows.Int4(catalog.NumberOf(gap.instrument));
  gap.venue.empty() ? rows.Null() : rows.Text(gap.venue);
  rows.Text(GapCauseName(gap.cause));
  AppendId(gap.first_trade_id, rows);
  AppendId(gap.last_trade_id, rows);
  AppendTime(gap.from_time, rows);
  AppendTime(gap.until_time, rows);
  AppendOffset(gap.first_offset, rows);
  AppendOffset(gap.last_offset, rows);
  rows.Int8(gap.opened_version);
  gap.closed_version ? rows.Int8(*gap.closed_version) : rows.Null();
}

absl::Status Copy(Connection& connection, const char* table, const CopyRows& rows) {
  const std::string into = std::string(table) + " (" + kColumns + ")";
  return connection.CopyIn("COPY " + into + " FROM STDIN (FORMAT binary)", rows).status();
}

// Through a table beside it, to see which are there already.
absl::Status CopyMissing(Connection& connection, const CopyRows& rows) {
  const std::string columns = kColumns;
  absl::Status done = connection.ExecScript(
      "CREATE TEMPORARY TABLE IF NOT EXISTS waiting_gaps AS SELECT " + columns +
      " FROM trade_gaps WITH NO DATA; TRUNCATE waiting_gaps");
  if (done.ok()) {
    done = Copy(connection, "waiting_gaps", rows);
  }
  if (!done.ok()) {
    return done;
  }
  return connection
      .Exec("INSERT INTO trade_gaps (" + columns + ") SELECT " + columns +
            " FROM waiting_gaps n WHERE NOT EXISTS (SELECT FROM trade_gaps g WHERE "
            "g.topic = n.topic AND g.partition = n.partition "
            "AND g.opened_version = n.opened_version "
            "AND (g.instrument_id, g.venue, g.cause, g.first_trade_id, g.last_trade_id, "
            "g.from_time, g.until_time, g.first_offset, g.last_offset) IS NOT DISTINCT FROM "
            "(n.instrument_id, n.venue, n.cause, n.first_trade_id, n.last_trade_id, n.from_time, "
            "n.until_time, n.first_offset, n.last_offset))")
      .status();
}

absl::Status Insert(Connection& connection, const std::string& topic, const Catalog& catalog,
                    const std::vector<PlacedGap>& gaps) {
  CopyRows rows(kColumnCount), maybe_there(kColumnCount);
  for (const PlacedGap& placed : gaps) {
    const bool moves = placed.commit->row.next_offset != placed.commit->expected_next_offset;
    AppendGap(placed, topic, catalog, moves ? rows : maybe_there);
  }
  absl::Status written;
  if (!rows.empty()) {
    written = Copy(connection, "trade_gaps", rows);
  }
  if (written.ok() && !maybe_there.empty()) {
    written = CopyMissing(connection, maybe_there);
  }
  return written;
}

}  // namespace

absl::Status WriteGaps(Connection& connection, const std::string& topic, const Catalog& catalog,
                       const Commit& commit) {
  Endings endings;
  std::vector<PlacedGap> fresh, without_row;
  for (const auto& part : commit) {
    for (const GapRow& gap : part->gaps) {
      const PlacedGap placed{part.get(), &gap};
      IsEnding(gap) ? endings.Add(placed, catalog) : fresh.push_back(placed);
    }
  }
  absl::Status written = Insert(connection, topic, catalog, fresh);
  if (written.ok()) {
    written = End(connection, topic, endings, without_row);
  }
  return written.ok() ? Insert(connection, topic, catalog, without_row) : written;
}

std::string_view GapCauseName(GapCause cause) {
  switch (cause) {
    case GapCause::kMissingIds:
      return "MISSING_IDS";
    case GapCause::kUnknown:
      return "UNKNOWN";
    case GapCause::kDisconnected:
      return "DISCONNECTED";
    case GapCause::kDataLoss:
      return "DATA_LOSS";
  }
  return "UNKNOWN";
}

}  // namespace quantstream::processor
