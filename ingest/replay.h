// Recorded files through the same intake as live frames, merged in order of receipt, at the
// recording's pace, a multiple of it, or as fast as it goes. Its time is the recording's, so that
// any speed gives the same heartbeats.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ingest/intake.h"
#include "ingest/publisher.h"
#include "ingest/recording.h"
#include "ingest/symbols.h"
#include "platform/admin/readiness.h"
#include "platform/shutdown.h"

namespace quantstream::ingest {

struct ReplayOptions {
  std::vector<std::string> files;
  double speed = 1.0;  // 0 = as fast as it goes
  std::string symbol;  // of CSV files that name none
  std::function<std::unique_ptr<Decoder>()> make_decoder;
  IntakeOptions intake;
};

class Replay {
 public:
  // All outlive the replay.
  struct Parts {
    SymbolTable& symbols;
    Publisher& publisher;
    VenueClock& clock;
    Metrics& metrics;
    admin::Readiness& readiness;  // conditions `replay` (the files are open) and `kafka`
  };

  // An error names the file.
  static absl::StatusOr<std::unique_ptr<Replay>> Open(const ReplayOptions& options, Parts parts);
  ~Replay();

  // Plays everything, then takes the node out of its venue: every partition is told `finished`.
  // Returns early when the shutdown is requested, and then says nothing of an end. DATA_LOSS: a
  // file was damaged; what came before it was played.
  absl::Status Run(const Shutdown& shutdown);

 private:
  struct File {
    std::unique_ptr<Recording> recording;
    std::unique_ptr<Intake> intake;
    RecordedFrame head;
    ConnectionId connection = 0;
    bool open = true;
  };

  Replay(const ReplayOptions& options, Parts parts);
  File* Earliest();
  bool WaitFor(EventTime recorded, const Shutdown& shutdown);
  bool WaitForRoom(const Shutdown& shutdown);
  void Play(File& file);
  void Advance(File& file);
  void TellTime(EventTime recorded);
  void TellReadiness();

  double speed_;
  Parts parts_;
  std::vector<std::unique_ptr<File>> files_;
  size_t open_files_ = 0;
  uint64_t frames_ = 0;
  Instant started_;     // on the steady clock
  EventTime first_;     // of the recording
  EventTime recorded_;  // reached
  absl::Status damage_;
};

}  // namespace quantstream::ingest
