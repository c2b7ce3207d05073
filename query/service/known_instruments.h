// The instrument directory as the store has it, read again when a name is not in it. Thread-safe.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "query/instruments.h"
#include "query/io.h"

namespace quantstream::query {

class KnownInstruments {
 public:
  using Directory = std::shared_ptr<const InstrumentDirectory>;

  // `history` outlives it. `age_max`: a directory younger than this is not read again.
  explicit KnownInstruments(History* history,
                            std::chrono::milliseconds age_max = std::chrono::seconds(1));
  ~KnownInstruments();

  // One for each text, in that order; `field(i)` names the i-th in errors: INVALID_ARGUMENT where a
  // text names several, NOT_FOUND with the nearest names. The callback runs inside the call, or
  // later on a thread of the store.
  void Resolve(std::vector<std::string> texts, std::function<std::string(size_t)> field,
               History::Callback<std::vector<Instrument>> callback);

  // A directory that is not older than `age_max`.
  void Fresh(History::Callback<Directory> callback);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace quantstream::query
