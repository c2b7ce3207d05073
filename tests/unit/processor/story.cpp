#include "tests/unit/processor/story.h"

#include <cmath>
#include <map>
#include <memory>
#include <optional>
#include <sstream>
#include <vector>

#include "processor/outbox.h"
#include "processor/partition.h"
#include "tests/simulation/fold/sim_world.h"

namespace quantstream::processor {

namespace {

using simulation::SimBeat;
using simulation::SimDatabase;
using simulation::SimRecord;
using simulation::SimTrade;

using Words = std::map<std::string, std::string>;

Words Split(std::istringstream& line) {
  Words words;
  for (std::string word; line >> word;) {
    const size_t equals = word.find('=');
    words[word.substr(0, equals)] = equals == std::string::npos ? "" : word.substr(equals + 1);
  }
  return words;
}

int64_t Ticks(const std::string& seconds) {
  return std::llround(std::stod(seconds) * 10);
}

std::string Seconds(EventTime time) {
  std::ostringstream out;
  out << static_cast<double>(time.us) / 1e6;
  return out.str();
}

std::string Text(const CandleKey& key, const Candle& candle) {
  static const char* const kStates[] = {"", "PARTIAL", "FINAL", "REVISED"};
  static const char* const kMarks[] = {"", "COMPLETE", "GAP_SUSPECTED", "HEALED"};
  const CandleValues& v = candle.values;
  std::ostringstream out;
  out << key.instrument << ' ' << key.interval.ToString() << " @" << Seconds(key.open_time) << ' '
      << kStates[static_cast<int>(candle.state)] << " version " << GenerationOf(candle.version)
      << '/' << OffsetOf(candle.version).value << " revision " << candle.revision << ' '
      << kMarks[static_cast<int>(candle.completeness)] << ": " << v.trade_count << " trades, ohlc "
      << v.open().ToString() << ' ' << v.high.ToString() << ' ' << v.low.ToString() << ' '
      << v.close().ToString() << ", volume " << v.volume.ToString() << ", bought "
      << (v.buy_volume ? v.buy_volume->ToString() : "-") << ", returns "
      << (v.returns ? std::to_string(v.returns->count) : "-");
  if (candle.lineage) {
    out << ", records " << candle.lineage->first.value << '-' << candle.lineage->last.value;
  }
  return out.str();
}

class Teller final : public LateReader {
 public:
  explicit Teller(const Rules& rules) : rules_(rules) {}

  std::string Tell(const std::string& story) {
    std::istringstream lines(story);
    for (std::string line; std::getline(lines, line);) {
      if (line.starts_with(">")) continue;
      if (!line.starts_with("  ")) FoldPending();
      out_ << line << '\n';
      if (!line.empty() && line[0] != '#') Take(line);
    }
    FoldPending();
    return out_.str();
  }

  absl::StatusOr<ReadBackAnswer> Read(ReadBack request) override {
    request.partition = 0;
    request.epoch = database_.partition(0).epoch;
    return database_.Read(request);
  }

  absl::Status ReadLog(Offset first, Offset last,
                       const std::function<void(const TradeBatch&, Offset)>& each) override {
    if (first.value < log_start_) return absl::OutOfRangeError("gone");
    for (int64_t at = first.value; at <= last.value; ++at) {
      if (const auto record = log_.find(at); record != log_.end())
        each(record->second.ToBatch(), Offset{at});
    }
    return absl::OkStatus();
  }

 private:
  void Say(const std::string& what) { out_ << "> " << what << '\n'; }

  void Take(const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "options") return Options(Split(words));
    if (verb == "trade") return AddTrade(words);
    if (verb == "beat") return AddBeat(words);
    if (verb == "lose") return Lose(words);
    if (fold_ == nullptr) Restart();
    if (verb == "record") return BeginRecord(words);
    if (verb == "bad") return Bad();
    if (verb == "commit") return Commit(Split(words).contains("stop"));
    if (verb == "restart") return Restart();
    if (verb == "partial") return Partial(words);
    if (verb == "counters") return Counters();
    Say("what is " + verb + "?");
  }

  void Options(const Words& words) {
    for (const auto& [name, value] : words) {
      std::istringstream list(value);
      if (name == "grace") options_.grace_us = Ticks(value) * simulation::kTick_us;
      if (name == "hold") options_.hold_us = Ticks(value) * simulation::kTick_us;
      if (name == "silent") options_.silent_us = Ticks(value) * simulation::kTick_us;
      if (name == "ledger") options_.ledger_ranges_max = std::stoll(value);
      if (name == "replay") options_.replay_records_max = std::stoll(value);
      if (name == "reread") options_.reread_records_max = std::stoll(value);
      if (name == "open_bytes") options_.open_trades_bytes_max = std::stoll(value);
      if (name == "contiguous") options_.contiguous_id_venues = {value};
      if (name == "intervals") options_.intervals.clear();
      if (name == "retention") options_.retention_us.clear();
      for (std::string item; std::getline(list, item, ',');) {
        if (name == "intervals") options_.intervals.push_back(Interval{std::stoi(item)});
        if (name == "retention")
          options_.retention_us.push_back(Ticks(item) * simulation::kTick_us);
      }
    }
    options_.retention_us.resize(options_.intervals.size());
  }

  void BeginRecord(std::istringstream& line) {
    SimRecord record;
    line >> record.node;
    const Words words = Split(line);
    if (words.contains("session")) record.session = std::stoull(words.at("session"));
    uint64_t& next = sequences_[{record.node, record.session}];
    record.sequence = words.contains("seq") ? std::stoull(words.at("seq")) : next;
    next = std::max(next, record.sequence + 1);
    if (words.contains("log")) log_time_ = Ticks(words.at("log"));
    record.log_time = log_time_;
    pending_ = record;
  }

  void AddTrade(std::istringstream& line) {
    SimTrade trade;
    line >> trade.venue >> trade.symbol;
    const Words words = Split(line);
    const auto number = [&](const char* name, int64_t otherwise) {
      return words.contains(name) ? std::stoll(words.at(name)) : otherwise;
    };
    trade.id = static_cast<uint64_t>(number("id", 0));
    trade.count = static_cast<uint32_t>(number("count", 1));
    trade.price = number("price", 100);
    trade.quantity = number("qty", 1);
    trade.time = Ticks(words.at("at"));
    trade.receive = words.contains("received") ? Ticks(words.at("received")) : trade.time;
    if (words.contains("text")) trade.text_id = words.at("text");
    if (words.contains("side")) trade.side = words.at("side") == "buy" ? Side::kBuy : Side::kSell;
    pending_->trades.push_back(trade);
  }

  void AddBeat(std::istringstream& line) {
    SimBeat beat;
    std::string time;
    line >> beat.venue >> time;
    if (time != "none") beat.time = Ticks(time);
    const Words words = Split(line);
    beat.held = words.contains("held");
    beat.finished = words.contains("finished");
    pending_->beats.push_back(beat);
  }

  void FoldPending() {
    if (!pending_) return;
    const SimRecord record = *std::exchange(pending_, std::nullopt);
    const int64_t offset = fold_->position().value;
    log_[offset] = record;
    const absl::Status status = fold_->Fold(record.ToBatch(), Offset{offset},
                                            EventTime{record.log_time * simulation::kTick_us});
    if (!status.ok()) Say(std::string(status.message().data(), status.message().size()));
  }

  void Bad() {
    fold_->FoldBad("junk", fold_->position(), EventTime{log_time_ * simulation::kTick_us},
                   "no TradeBatch");
  }

  void Commit(bool stop) {
    const Offset expected = database_.partition(0).row.next_offset;
    absl::StatusOr<std::shared_ptr<PartitionCommit>> commit = fold_->Freeze(stop);
    (*commit)->expected_next_offset = expected;
    if (database_.Execute({*commit}).kind != CommitOutcome::kLanded) Say("not landed");
    fold_->Landed();
    if ((*commit)->outbox) SayOutbox((*commit)->outbox->payload);
    for (const GapRow& gap : (*commit)->gaps) SayGap(gap);
    for (const LateTradeRow& row : (*commit)->late_trades) {
      Say("late trade of " + row.instrument + " @" + Seconds(row.open_time) + " at " +
          std::to_string(OffsetOf(row.version).value) + "/" + std::to_string(row.index));
    }
    Say("committed up to " + std::to_string((*commit)->row.next_offset.value) + ", replay from " +
        std::to_string((*commit)->row.replay_from.value));
  }

  void SayOutbox(const std::string& payload) {
    const absl::StatusOr<std::vector<OutboxMessage>> messages = UnpackOutbox(payload);
    for (const OutboxMessage& message : *messages) {
      if (message.kind == OutboxMessage::kDeadLetter) {
        Say("dead letter of record " + std::to_string(message.dead_letter.offset.value) + ": " +
            message.dead_letter.reason);
        continue;
      }
      const auto parts = simulation::ReadCandleEvent(message.candle_event);
      for (const KeyedCandle& each : parts.closed) Say(Text(each.key, each.candle));
    }
  }

  void SayGap(const GapRow& gap) {
    static const char* const kCauses[] = {"", "missing ids", "unknown", "disconnected",
                                          "data loss"};
    std::ostringstream text;
    text << "gap " << kCauses[static_cast<int>(gap.cause)] << ' ' << gap.instrument
         << (gap.instrument.empty() ? gap.venue : "");
    if (gap.first_trade_id) text << " ids " << *gap.first_trade_id << '-' << *gap.last_trade_id;
    if (gap.first_offset)
      text << " offsets " << gap.first_offset->value << '-' << gap.last_offset->value;
    if (gap.from_time) text << " from " << Seconds(*gap.from_time);
    if (gap.until_time) text << " until " << Seconds(*gap.until_time);
    text << (gap.closed_version ? " closed" : " opened");
    Say(text.str());
  }

  void Restart() {
    const TakenOver taken = *database_.TakeOver(0);
    fold_ = std::make_unique<Partition>(0, taken.epoch, options_, *this, counters_, rules_,
                                        closed_panes_);
    if (const absl::Status status = fold_->Load(taken); !status.ok()) Say(status.ToString());
    if (lost_until_) RecordGap(taken.row);
    for (int64_t at = std::max(taken.row.replay_from.value, log_start_);
         at < fold_->position().value; ++at) {
      if (const auto record = log_.find(at); record != log_.end())
        fold_->Recover(record->second.ToBatch(), Offset{at});
    }
    if (fold_->TakeOptions(options_)) Say("options are taken over");
  }

  void Lose(std::istringstream& line) {
    line >> log_start_;
    lost_until_ = log_start_;
    replaced_ = Split(line).contains("replaced");
    log_.erase(log_.begin(), replaced_ ? log_.end() : log_.lower_bound(log_start_));
  }

  void RecordGap(const PartitionRow& row) {
    const int64_t start = *std::exchange(lost_until_, std::nullopt);
    const int64_t last =
        replaced_ ? std::max(row.next_offset.value - 1, row.replay_from.value) : start - 1;
    const int64_t next = replaced_ ? start : std::max(row.next_offset.value, start);
    fold_->RecordGap(row.replay_from, Offset{last}, Offset{next}, replaced_);
  }

  void Partial(std::istringstream& line) {
    std::string venue, symbol, event;
    line >> venue >> symbol;
    const Instrument* instrument = fold_->state().FindInstrument(venue, symbol);
    if (instrument == nullptr) return Say("no such instrument");
    fold_->RepeatPartials(instrument->number);
    if (!fold_->TakePartials(instrument->number, event)) return Say("waits for the next commit");
    if (event.empty()) return Say("no open candle");
    const auto parts = simulation::ReadCandleEvent(event);
    for (const KeyedCandle& each : parts.open) Say(Text(each.key, each.candle));
  }

  void Counters() {
    const FoldCounters& c = counters_;
    const std::pair<const char*, uint64_t> all[] = {{"accepted", c.trades_accepted},
                                                    {"duplicate", c.trades_duplicate},
                                                    {"conflicting", c.trades_conflicting},
                                                    {"late", c.trades_late},
                                                    {"beyond ledger", c.trades_beyond_ledger},
                                                    {"beyond log", c.trades_beyond_log},
                                                    {"beyond retention", c.trades_beyond_retention},
                                                    {"records repeated", c.records_repeated},
                                                    {"records bad", c.records_bad},
                                                    {"heartbeats refused", c.heartbeats_refused},
                                                    {"volatility absent", c.volatility_absent}};
    std::string text;
    for (const auto& [name, count] : all) {
      if (count > 0)
        text.append(text.empty() ? "" : ", ")
            .append(name)
            .append(" ")
            .append(std::to_string(count));
    }
    Say(text);
  }

  FoldOptions options_ = simulation::SimOptions({{1}, {5}});
  FoldCounters counters_;
  const Rules rules_;
  ClosedPanesBudget closed_panes_{size_t{5} << 20};
  SimDatabase database_;
  std::unique_ptr<Partition> fold_;
  std::map<int64_t, SimRecord> log_;
  int64_t log_start_ = 0;
  std::optional<int64_t> lost_until_;
  bool replaced_ = false;
  int64_t log_time_ = 0;
  std::map<std::pair<std::string, uint64_t>, uint64_t> sequences_;
  std::optional<SimRecord> pending_;
  std::ostringstream out_;
};

}  // namespace

std::string Retell(const std::string& story, const Rules& rules) {
  return Teller(rules).Tell(story);
}

}  // namespace quantstream::processor
