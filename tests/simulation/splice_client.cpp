#include "tests/simulation/splice_client.h"

#include <algorithm>

namespace quantstream::query::simulation {
namespace {

std::string Name(const CandleKey& key) {
  return key.instrument + " " + std::to_string(key.interval.seconds) + " @" +
         std::to_string(key.open_time.us / kMicrosecondsPerSecond);
}

}  // namespace

std::string Client::Take(const StreamMessage& message) {
  if (const auto* candles = std::get_if<CandlesMessage>(&message)) {
    for (const Update& update : candles->candles) {
      if (std::string broken = TakeCandle(*update); !broken.empty()) return broken;
    }
  } else if (std::holds_alternative<SnapshotEndMessage>(message)) {
    if (std::exchange(snapshot_ended_, true)) return "a second SnapshotEnd";
  } else if (const auto* progress = std::get_if<ProgressMessage>(&message)) {
    if (!snapshot_ended_) return "Progress before SnapshotEnd";
    if (watermark_ && progress->watermark && *progress->watermark < *watermark_) {
      return "the watermark went back";
    }
    if (progress->watermark) watermark_ = progress->watermark;
  }
  return "";
}

std::string Client::TakeCandle(const CandleUpdate& update) {
  Seen& seen = seen_[update.key];
  if (update.version < seen.version || (seen.closed && !update.closed())) {
    return "step back at " + Name(update.key) + ": " + (seen.closed ? "closed " : "open ") +
           std::to_string(seen.version) + " -> " + (update.closed() ? "closed " : "open ") +
           std::to_string(update.version);
  }
  const bool may_repeat = open_before_.erase(update.key) > 0;
  if (!update.closed() && update.version == seen.version && !may_repeat) {
    return "the same PARTIAL twice: " + Name(update.key);
  }
  seen = {update.version, update.closed()};
  got_.emplace(update.key, update.version);
  if (!update.closed()) {
    int64_t& newest = newest_open_.emplace(update.key.instrument, -1).first->second;
    newest = std::max(newest, update.version);
  }
  return "";
}

void Client::Resume() {
  snapshot_ended_ = false;
  // A replica may have dropped a zombie's Progress that another one, which missed its successor's
  // first words, took: both tell the truth.
  watermark_.reset();
  open_before_.clear();
  for (const auto& [key, seen] : seen_) {
    if (!seen.closed) open_before_.insert(key);
  }
}

void Client::Fetched(const CandleKey& key, int64_t version) {
  int64_t& newest = fetched_.emplace(key, -1).first->second;
  newest = std::max(newest, version);
}

Client::Seen Client::SeenOf(const CandleKey& key) const {
  const auto found = seen_.find(key);
  const Seen seen = found == seen_.end() ? Seen{} : found->second;
  const auto fetched = fetched_.find(key);
  return fetched == fetched_.end() || fetched->second < seen.version ? seen
                                                                     : Seen{fetched->second, true};
}

int64_t Client::NewestOpen(const std::string& instrument) const {
  const auto found = newest_open_.find(instrument);
  return found == newest_open_.end() ? -1 : found->second;
}

}  // namespace quantstream::query::simulation
