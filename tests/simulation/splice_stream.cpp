#include "tests/simulation/splice_stream.h"

namespace quantstream::query::simulation {
namespace {

// A few candles: history takes several messages, so that a client may be cut off between them.
constexpr int64_t kMessageBytesMax = 10;

LegSpec LegOf(const StreamSpec& spec, const SpliceRules& rules) {
  return {.stream = spec, .update_interval = {}, .rules = rules};
}

// What GetCandles would answer.
void Fetch(const SkippedMessage& skipped, World* world, Client* client) {
  for (const StreamSeries& each : world->AllSeries()) {
    const auto range = skipped.closed.find(each.series);
    if (range == skipped.closed.end()) continue;
    for (const auto& [key, row] : world->RowsAt(each.partition, world->committed(each.partition))) {
      if (SeriesOf(key) == each.series && key.open_time >= range->second.first &&
          key.open_time <= range->second.last) {
        client->Fetched(key, row.version);
      }
    }
  }
}

}  // namespace

Stream::Stream(const StreamSpec& spec, const QueryRules& rules)
    : rules_(rules),
      subscription_({.message_bytes_max = kMessageBytesMax}, rules.subscription),
      read_again_(spec.resume.has_value()) {
  subscription_.Add({LegOf(spec, rules.splice)});
}

void Stream::OnRegistered(LegId leg, const LiveState& live, std::string_view reason) {
  read_again_ |= !reason.empty();
  subscription_.Register(leg, early_look ? *std::exchange(early_look, std::nullopt) : live, reason);
}

void Stream::OnPlaced(int32_t partition, int64_t committed) {
  subscription_.OnPlaced(partition, committed);
}

void Stream::OnUpdates(LegId leg, std::span<const Update> updates) {
  for (const Update& update : updates) {
    if (update->closed()) offered_.push_back(update);
  }
  subscription_.OnUpdates(leg, updates);
}

void Stream::OnProgress(std::optional<EventTime> watermark, std::string_view trouble) {
  subscription_.OnProgress(watermark, trouble);
}

void Stream::StepHistory(World* world, RunResult* result) {
  const Splice& splice = *subscription_.splice(kLeg);
  if (!splice.reading() || subscription_.parked()) return;
  if (!in_flight_) {
    const ChangesRead changes{.at_the_mark = rules_.resume_reads_at_the_mark,
                              .finals = rules_.resume_reads_finals,
                              .revisions = rules_.resume_reads_revisions};
    // More than one read holds, says the store.
    if (world->Below(3) == 0) subscription_.ReadInPieces(kLeg);
    in_flight_ = {splice.ticket(), world->Read(subscription_.Request(kLeg), !rules_.one_statement,
                                               changes, 1 + world->Below(4))};
    return;
  }
  const auto [ticket, snapshot] = *std::exchange(in_flight_, std::nullopt);
  const auto outcome = subscription_.OnHistory(kLeg, ticket, snapshot);
  if (outcome == Splice::Outcome::kBehind) ++result->behind;
  if (outcome == Splice::Outcome::kPiece) ++result->pieces;
  if (outcome == Splice::Outcome::kTooLong) result->broken = "a piece leads no further";
  if (outcome == Splice::Outcome::kDelivered && !first_) first_ = snapshot;
}

std::string Stream::TakeOne(Fanout* fanout, World* world, Client* client,
                            std::optional<Token>* token, RunResult* result) {
  bool unpark = subscription_.parked();
  const auto message = subscription_.Take(kNow);
  unpark |= !message && subscription_.parked();
  if (unpark) fanout->RegisterAgain(this);
  if (!message) return "";
  ++result->messages;
  if (const auto* skipped = std::get_if<SkippedMessage>(&*message)) Fetch(*skipped, world, client);
  std::string broken = client->Take(*message);
  if (auto resume = subscription_.Resumable()) {
    *token = {*resume, fanout->places().Of(resume->marks)};
  }
  return broken;
}

void Stream::Park(RunResult* result) {
  ++result->parked;
  read_again_ = true;
  subscription_.Park();
}

void Stream::DropBuffered() {
  read_again_ = true;
  subscription_.DropBuffered();
}

void Stream::Skip(RunResult* result) {
  ++result->skips;
  read_again_ = true;
  subscription_.Skip(int64_t{1} << 30);
}

}  // namespace quantstream::query::simulation
