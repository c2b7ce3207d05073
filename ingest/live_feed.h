// A venue's live connections: sockets for the feeds' actions, frames for the intakes, time for the
// publisher. Everything runs on the thread that calls Run.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "ingest/feed.h"
#include "ingest/intake.h"
#include "ingest/publisher.h"
#include "ingest/venue/venue.h"
#include "platform/admin/readiness.h"
#include "platform/shutdown.h"

namespace quantstream::ingest {

struct LiveOptions {
  std::string websocket_url;
  std::string ca_file;  // empty = the system's
  std::string channel;
  int64_t connect_timeout_ms = 10'000;
  int64_t offset_ready_max_us = 5'000'000;  // a larger offset of the venue's clock: not ready
  FeedOptions feed;
  IntakeOptions intake;
};

// Conditions of Readiness: `venue` (every stream is acknowledged), `clock_offset`, `buffer`,
// `kafka`.
class LiveFeed {
 public:
  // All outlive the feed.
  struct Parts {
    const Venue& venue;
    SymbolTable& symbols;
    Publisher& publisher;
    VenueClock& clock;
    Metrics& metrics;
    admin::Readiness& readiness;
  };

  // An error names the URL or the CA file.
  static absl::StatusOr<std::unique_ptr<LiveFeed>> Make(LiveOptions options, Parts parts);
  ~LiveFeed();

  // Returns after the shutdown was requested: nothing is read any more, and no trade waits in an
  // intake.
  void Run(const Shutdown& shutdown);

 private:
  class Loop;
  explicit LiveFeed(std::unique_ptr<Loop> loop);
  std::unique_ptr<Loop> loop_;
};

}  // namespace quantstream::ingest
