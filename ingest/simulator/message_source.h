// Where the venue's messages come from: a market model or a recording.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/simulator/venue_message.h"

namespace quantstream::simulator {

class MessageSource {
 public:
  virtual ~MessageSource() = default;

  // Both are fixed from the start. Stream names are lower case: "btcusdt@trade".
  virtual const std::vector<VenueSymbol>& symbols() const = 0;
  virtual const std::vector<std::string>& streams() const = 0;

  // Moves the next message that is due at `now_us` (microseconds since the Unix epoch) into
  // `message`; false when none is.
  virtual bool TakeDue(int64_t now_us, VenueMessage* message) = 0;

  // A recording can wait for slow clients; a market does not.
  virtual bool can_wait() const = 0;
  // Nothing will follow.
  virtual bool finished() const = 0;
};

}  // namespace quantstream::simulator
