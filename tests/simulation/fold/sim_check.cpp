// What must hold of everything that is committed and published.
#include <algorithm>
#include <cstring>
#include <stdexcept>

#include "market/candle_codec.h"
#include "market/trade_codec.h"
#include "processor/outbox.h"
#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor::simulation {

namespace {

uint64_t TakeVarint(std::string_view& bytes) {
  uint64_t value = 0;
  for (int shift = 0; !bytes.empty(); shift += 7) {
    const auto byte = static_cast<uint8_t>(bytes.front());
    bytes.remove_prefix(1);
    value |= static_cast<uint64_t>(byte & 0x7f) << shift;
    if (byte < 0x80) return value;
  }
  throw std::runtime_error("a CandleEvent ends early");
}

// Calls `each(field, number, text)` for the fields of a message.
template <typename F>
void EachField(std::string_view bytes, F each) {
  while (!bytes.empty()) {
    const uint64_t tag = TakeVarint(bytes);
    uint64_t number = 0;
    std::string_view text;
    if ((tag & 7) == 0) number = TakeVarint(bytes);
    if ((tag & 7) == 1) {
      std::memcpy(&number, bytes.data(), sizeof number);
      bytes.remove_prefix(sizeof number);
    }
    if ((tag & 7) == 2) {
      text = bytes.substr(0, TakeVarint(bytes));
      text = bytes.substr(0, text.size());
      bytes.remove_prefix(text.size());
    }
    each(tag >> 3, number, text);
  }
}

std::vector<KeyedCandle> CandlesIn(std::string_view message, uint64_t field) {
  std::vector<KeyedCandle> candles;
  EachField(message, [&](uint64_t each, uint64_t, std::string_view bytes) {
    if (each != field) return;
    absl::StatusOr<KeyedCandle> candle = DecodeCandle(bytes);
    if (!candle.ok()) throw std::runtime_error(candle.status().ToString());
    candles.push_back(*std::move(candle));
  });
  return candles;
}

// Reads back from what the undisturbed run has committed.
class StraightReader final : public LateReader {
 public:
  StraightReader(const SimLog& log, SimDatabase& database, int32_t partition)
      : log_(log), database_(database), partition_(partition) {}
  absl::StatusOr<ReadBackAnswer> Read(ReadBack request) override {
    request.partition = partition_;
    request.epoch = database_.partition(partition_).epoch;
    return database_.Read(request);
  }
  absl::Status ReadLog(Offset first, Offset last,
                       const std::function<void(const TradeBatch&, Offset)>& each) override {
    for (int64_t offset = first.value; offset <= last.value; ++offset) {
      const TradeBatch batch = log_[static_cast<size_t>(offset)].ToBatch();
      each(batch, Offset{offset});
    }
    return absl::OkStatus();
  }

 private:
  const SimLog& log_;
  SimDatabase& database_;
  const int32_t partition_;
};

bool SameMarks(const Candle& a, const Candle& b) {
  return (a.completeness == Completeness::kGapSuspected) ==
         (b.completeness == Completeness::kGapSuspected);
}

}  // namespace

CandleEventParts ReadCandleEvent(const std::string& bytes) {
  CandleEventParts parts;
  EachField(bytes, [&](uint64_t field, uint64_t number, std::string_view text) {
    if (field == 1) parts.epoch = static_cast<int64_t>(number);
    if (field == 2) parts.closed = CandlesIn(text, 1);
    if (field == 3) parts.open = CandlesIn(text, 2);
    if (field != 4) return;
    parts.is_progress = true;
    EachField(text, [&](uint64_t inner, uint64_t value, std::string_view venue) {
      if (inner == 2) parts.next_version = static_cast<int64_t>(value);
      if (inner != 1) return;
      std::string name;
      EachField(venue, [&](uint64_t part, uint64_t time, std::string_view venue_name) {
        if (part == 1) name = venue_name;
        if (part == 2) parts.closed_until[name] = EventTime{static_cast<int64_t>(time)};
      });
    });
  });
  return parts;
}

std::string Describe(const CandleKey& key, const Candle& candle) {
  const CandleValues& v = candle.values;
  return key.instrument + " " + key.interval.ToString() + " @" +
         std::to_string(key.open_time.us / kTick_us) + " state " +
         std::to_string(static_cast<int>(candle.state)) + " version " +
         std::to_string(candle.version) + " revision " + std::to_string(candle.revision) +
         " mark " + std::to_string(static_cast<int>(candle.completeness)) + " n " +
         std::to_string(v.trade_count) + " ohlc " + v.open().ToString() + " " + v.high.ToString() +
         " " + v.low.ToString() + " " + v.close().ToString() + " volume " + v.volume.ToString() +
         " quote " + v.quote_volume.ToString() + " bought " +
         (v.buy_volume ? v.buy_volume->ToString() : "-") + " returns " +
         (v.returns ? std::to_string(v.returns->count) + ":" +
                          std::to_string(static_cast<int64_t>(v.returns->sum))
                    : "-") +
         " first pane " + v.first_pane_close.ToString() + " lineage " +
         (candle.lineage ? std::to_string(candle.lineage->first.value) + "-" +
                               std::to_string(candle.lineage->last.value)
                         : "-");
}

Straight::Straight(const SimLog& log, int32_t partition, const FoldOptions& options,
                   const Rules& rules) {
  SimDatabase database;
  StraightReader reader(log, database, partition);
  const absl::StatusOr<TakenOver> taken = database.TakeOver(partition);
  ClosedPanesBudget closed_panes(0);
  Partition fold(partition, taken->epoch, options, reader, counters, rules, closed_panes);
  (void)fold.Load(*taken);
  for (size_t offset = 0; offset < log.size(); ++offset) {
    const TradeBatch batch = log[offset].ToBatch();
    const Offset next = fold.position();
    (void)fold.Fold(batch, Offset{static_cast<int64_t>(offset)},
                    EventTime{log[offset].log_time * kTick_us});
    (void)fold.EndPoll();
    auto commit = fold.Freeze(false);
    (*commit)->expected_next_offset = next;
    database.Execute({*commit});
    fold.Landed();
    if (!(*commit)->outbox) continue;
    const auto messages = UnpackOutbox((*commit)->outbox->payload);
    for (const OutboxMessage& message : *messages) {
      if (message.kind != OutboxMessage::kCandleEvent) continue;
      for (const KeyedCandle& change : ReadCandleEvent(message.candle_event).closed) {
        changes[{change.key, change.candle.version}] = change.candle;
      }
    }
  }
  rows = database.rows();
  instruments = database.partition(partition).instruments;
  state = database.partition(partition).row.state;
}

Checker::Checker(const std::vector<SimLog>& logs, const FoldOptions& options, const Rules& rules)
    : intervals_(options.intervals), replay_records_max_(options.replay_records_max) {
  for (size_t i = 0; i < logs.size(); ++i) {
    references_.emplace_back(logs[i], options);
    straights_.emplace_back(logs[i], static_cast<int32_t>(i), options, rules);
    for (const auto& [name, state] : straights_.back().instruments)
      partitions_[name] = static_cast<int32_t>(i);
  }
}

void Checker::Violation(std::string what) {
  if (violation_.empty()) violation_ = std::move(what);
}

int32_t Checker::PartitionOf(const std::string& instrument) const {
  const auto place = partitions_.find(instrument);
  return place == partitions_.end() ? 0 : place->second;
}

bool Checker::IsSame(const Candle& want, const Candle& got, int32_t partition) const {
  CandleValues wanted = want.values;
  const bool may_lack = references_[static_cast<size_t>(partition)].restamped();
  if (may_lack && !got.values.returns) wanted.returns.reset();
  return wanted == got.values && SameMarks(want, got);
}

void Checker::Check(const KeyedCandle& got, const char* where) {
  const int32_t partition = PartitionOf(got.key.instrument);
  const int64_t records = OffsetOf(got.candle.version).value + 1;
  const Candle* want = references_[static_cast<size_t>(partition)].At(got.key, records);
  if (want != nullptr && IsSame(*want, got.candle, partition)) return;
  Violation(std::string(where) + "\n  got  " + Describe(got.key, got.candle) + "\n  want " +
            (want == nullptr ? "nothing" : Describe(got.key, *want)));
}

// What was refused is told once: by the commit of its record.
void Checker::CheckLetters(const PartitionCommit& commit) {
  if (!commit.outbox) return;
  const auto messages = UnpackOutbox(commit.outbox->payload);
  for (const OutboxMessage& message : *messages) {
    if (message.kind == OutboxMessage::kDeadLetter &&
        message.dead_letter.offset < commit.expected_next_offset) {
      Violation("a dead letter of a record that was committed before: " +
                std::to_string(message.dead_letter.offset.value));
    }
  }
}

void Checker::Committed(const PartitionCommit& commit) {
  committed_[commit.partition] = commit.row.next_offset.value;
  CheckLetters(commit);
  if (commit.row.next_offset.value - commit.row.replay_from.value > replay_records_max_ + 1) {
    Violation("replay_from is held back too far");
  }
  for (const CandleRow& row : commit.candles) Check(KeyedCandle{row.key, row.candle}, "committed");
}

void Checker::PublishedClosed(const std::vector<KeyedCandle>& candles) {
  for (const KeyedCandle& each : candles) {
    Check(each, "published");
    if (OffsetOf(each.candle.version).value >= committed_[PartitionOf(each.key.instrument)])
      Violation("published before it was committed: " + Describe(each.key, each.candle));
    auto [place, fresh] = published_.try_emplace({each.key, each.candle.version}, each.candle);
    if (!(place->second == each.candle))
      Violation("one version, two contents: " + Describe(each.key, each.candle));
  }
}

// An open second lies in open windows of all intervals.
void Checker::CheckIsWhole(const std::vector<KeyedCandle>& message) {
  for (const KeyedCandle& second : message) {
    for (Interval interval : intervals_) {
      const EventTime start = WindowStart(second.key.open_time, interval);
      const bool has = std::any_of(message.begin(), message.end(), [&](const KeyedCandle& each) {
        return each.key.interval == interval && each.key.open_time == start;
      });
      if (second.key.interval.seconds == 1 && !has)
        Violation("a message lacks the open " + interval.ToString() + " of " +
                  Describe(second.key, second.candle));
    }
  }
}

void Checker::PublishedOpen(const std::vector<KeyedCandle>& candles,
                            std::map<CandleKey, int64_t>& newest) {
  CheckIsWhole(candles);
  for (const KeyedCandle& each : candles) {
    Check(each, "published PARTIAL");
    int64_t& before = newest.try_emplace(each.key, -1).first->second;
    if (each.candle.version < before)
      Violation("one worker's PARTIAL goes back: " + Describe(each.key, each.candle));
    before = std::max(before, each.candle.version);
    open_.try_emplace({each.key, each.candle.version}, each.candle);
  }
}

// Revisions have no hole and each changes something; no PARTIAL reaches its FINAL's version.
void Checker::CheckChains() {
  const Candle* before = nullptr;
  const CandleKey* key = nullptr;
  for (const auto& [place, candle] : published_) {
    if (key == nullptr || *key != place.first) before = nullptr;
    key = &place.first;
    const uint64_t want =
        before == nullptr ? (candle.state == CandleState::kRevised ? 1 : 0) : before->revision + 1;
    if (candle.revision != want)
      Violation("revision is not " + std::to_string(want) + ": " + Describe(*key, candle));
    if (before != nullptr && before->values == candle.values &&
        before->completeness == candle.completeness) {
      Violation("a revision changes nothing: " + Describe(*key, candle));
    }
    before = &candle;
  }
  for (const auto& [place, candle] : open_) {
    const auto closed = published_.lower_bound({place.first, INT64_MIN});
    if (closed != published_.end() && closed->first.first == place.first &&
        candle.version >= closed->first.second) {
      Violation("a PARTIAL beats its FINAL: " + Describe(place.first, candle));
    }
  }
}

void Checker::AtTheEnd(SimDatabase& database) {
  size_t rows = 0;
  for (size_t i = 0; i < straights_.size(); ++i) {
    const Straight& straight = straights_[i];
    rows += straight.rows.size();
    for (const auto& [key, want] : references_[i].All()) {
      const auto got = database.rows().find(key);
      if (got == database.rows().end()) return Violation("no row of " + Describe(key, want));
      if (!IsSame(want, got->second, static_cast<int32_t>(i))) {
        return Violation("at the end\n  got  " + Describe(key, got->second) + "\n  want " +
                         Describe(key, want));
      }
    }
    for (const auto& [key, want] : straight.rows) {
      const auto got = database.rows().find(key);
      if (got == database.rows().end() || !(got->second == want)) {
        return Violation("not the undisturbed run\n  got  " +
                         (got == database.rows().end() ? "nothing" : Describe(key, got->second)) +
                         "\n  want " + Describe(key, want));
      }
    }
    for (const auto& [place, want] : straight.changes) {
      const auto got = published_.find(place);
      if (got == published_.end() || !(got->second == want)) {
        return Violation(
            "published otherwise\n  got  " +
            (got == published_.end() ? "nothing" : Describe(place.first, got->second)) +
            "\n  want " + Describe(place.first, want));
      }
    }
    SimDatabase::Partition& stored = database.partition(static_cast<int32_t>(i));
    if (stored.instruments != straight.instruments || stored.row.state != straight.state) {
      return Violation("stored state differs from the undisturbed run");
    }
  }
  if (rows != database.rows().size()) Violation("rows that the undisturbed run has not");
  for (const auto& [place, candle] : published_) {
    const bool known =
        std::any_of(straights_.begin(), straights_.end(),
                    [&](const Straight& straight) { return straight.changes.contains(place); });
    if (!known)
      Violation("published, not so the undisturbed run: " + Describe(place.first, candle));
  }
  CheckChains();
}

}  // namespace quantstream::processor::simulation
