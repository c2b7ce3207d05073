// A client that remembers all it was told and notices a step back or a hole.
#pragma once

#include <map>
#include <set>
#include <string>
#include <utility>

#include "query/subscription.h"

namespace quantstream::query::simulation {

class Client {
 public:
  struct Seen {
    int64_t version = -1;
    bool closed = false;
  };

  // What is wrong with it; empty when nothing is.
  std::string Take(const StreamMessage& message);
  // It has connected again: what is open may come again as it was.
  void Resume();
  // What it fetched by itself because it was left out.
  void Fetched(const CandleKey& key, int64_t version);

  // The state it has of a candle; version -1: none.
  Seen SeenOf(const CandleKey& key) const;
  bool Got(const CandleKey& key, int64_t version) const { return got_.contains({key, version}); }
  // Newest version of an open candle of this instrument.
  int64_t NewestOpen(const std::string& instrument) const;
  bool snapshot_ended() const { return snapshot_ended_; }

 private:
  std::string TakeCandle(const CandleUpdate& update);

  std::map<CandleKey, Seen> seen_;
  std::set<std::pair<CandleKey, int64_t>> got_;
  std::map<std::string, int64_t> newest_open_;
  std::optional<EventTime> watermark_;
  std::map<CandleKey, int64_t> fetched_;  // beside the stream: it may be ahead of it
  std::set<CandleKey> open_before_;       // the resume
  bool snapshot_ended_ = false;
};

}  // namespace quantstream::query::simulation
