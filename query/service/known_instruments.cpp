#include "query/service/known_instruments.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "query/service/errors.h"

namespace quantstream::query {
namespace {

using Clock = std::chrono::steady_clock;

absl::StatusOr<std::vector<Instrument>> ResolveIn(const InstrumentDirectory& directory,
                                                  const std::vector<std::string>& texts,
                                                  const std::function<std::string(size_t)>& field) {
  std::vector<Instrument> instruments;
  std::vector<Violation> violations;
  for (size_t i = 0; i < texts.size(); ++i) {
    InstrumentMatch match = directory.Find(texts[i]);
    if (match.found) {
      instruments.push_back(*std::move(match.found));
    } else if (!match.candidates.empty()) {
      violations.push_back({field(i), absl::StrCat("'", texts[i], "' names several instruments: ",
                                                   absl::StrJoin(match.candidates, ", "))});
    } else {
      return InstrumentNotFound(texts[i], match.nearest);
    }
  }
  if (!violations.empty()) return InvalidRequest(violations);
  return instruments;
}

}  // namespace

// Outlives the object as long as a read is in flight.
struct KnownInstruments::State {
  History* history;
  Clock::duration age_max;
  std::mutex mutex;
  Directory directory;  // null: never read
  Clock::time_point read_at;
  bool reading = false;
  std::vector<History::Callback<Directory>> waiting;
  std::shared_ptr<Cancellation> cancellation = std::make_shared<Cancellation>();

  void Arrive(absl::StatusOr<std::vector<Instrument>> instruments) {
    absl::StatusOr<Directory> result = absl::UnavailableError("");
    std::vector<History::Callback<Directory>> answered;
    {
      std::lock_guard lock(mutex);
      reading = false;
      if (instruments.ok()) {
        directory = std::make_shared<InstrumentDirectory>(*std::move(instruments));
        read_at = Clock::now();
        result = directory;
      } else {
        result = instruments.status();
      }
      answered.swap(waiting);
    }
    for (auto& callback : answered) callback(result);
  }
};

KnownInstruments::KnownInstruments(History* history, std::chrono::milliseconds age_max)
    : state_(std::make_shared<State>()) {
  state_->history = history;
  state_->age_max = age_max;
}

KnownInstruments::~KnownInstruments() {
  state_->cancellation->Cancel();
}

void KnownInstruments::Fresh(History::Callback<Directory> callback) {
  std::unique_lock lock(state_->mutex);
  if (state_->directory && Clock::now() - state_->read_at < state_->age_max) {
    const Directory directory = state_->directory;
    lock.unlock();
    return callback(directory);
  }
  state_->waiting.push_back(std::move(callback));
  if (std::exchange(state_->reading, true)) return;
  lock.unlock();
  state_->history->ReadInstruments(state_->cancellation, [state = state_](auto instruments) {
    state->Arrive(std::move(instruments));
  });
}

void KnownInstruments::Resolve(std::vector<std::string> texts,
                               std::function<std::string(size_t)> field,
                               History::Callback<std::vector<Instrument>> callback) {
  Directory directory;
  {
    std::lock_guard lock(state_->mutex);
    directory = state_->directory;
  }
  if (directory) {
    auto resolved = ResolveIn(*directory, texts, field);
    if (resolved.ok()) return callback(std::move(resolved));
  }
  Fresh([texts = std::move(texts), field = std::move(field),
         callback = std::move(callback)](absl::StatusOr<Directory> fresh) {
    callback(fresh.ok() ? ResolveIn(**fresh, texts, field)
                        : absl::StatusOr<std::vector<Instrument>>(fresh.status()));
  });
}

}  // namespace quantstream::query
