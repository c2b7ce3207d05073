// The simulator's own endpoint, for tests and demonstrations: makes the venue misbehave. POST, all
// parameters in the query:
//   /control/disconnect?mode=abort|close       all clients; abort: reset, what is queued is lost
//   /control/shutdown?after_ms=1000            serverShutdown to all, then close
//   /control/faults?duplicate=0.01&reorder=0.01&reorder_bound=16&skip=0.001      shares; what is
//   not given is 0 /control/skip?count=5                      the next trades are not sent: their
//   ids are missing /control/pause  /control/resume            the market stands still, goes on
//   /control/mute  /control/unmute             trades happen and nobody hears of them
//   /control/rate?trades_per_s=1000            of the market model
//   /control/send                              the body, as it is, as one text message to all
//   clients
// GET /control/status {"trades_sent":..,"clients":..,"started":..,"finished":..,...}
#pragma once

#include <cstdint>
#include <string_view>

#include "ingest/simulator/rest.h"
#include "ingest/simulator/venue.h"

namespace quantstream::simulator {

// What the server does with all its clients.
class ClientControl {
 public:
  virtual ~ClientControl() = default;
  virtual size_t clients() const = 0;
  virtual void DisconnectAll(bool abort) = 0;
  virtual void AnnounceShutdown(int64_t after_ms) = 0;
  virtual void SendToAll(std::string_view text) = 0;
};

HttpAnswer AnswerControl(Venue& venue, ClientControl& clients, bool is_post,
                         std::string_view target, std::string_view body);

}  // namespace quantstream::simulator
