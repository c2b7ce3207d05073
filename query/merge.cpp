#include "query/merge.h"

#include <algorithm>
#include <limits>

#include "market/precondition.h"

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};

std::string VenueOf(const std::string& instrument) {
  return instrument.substr(0, instrument.find(':'));
}

}  // namespace

Merger::Merger(WindowGrid grid, MergeLimits limits, MergeRules rules)
    : grid_(std::move(grid)), limits_(limits), rules_(rules) {}

Merger::Instrument* Merger::Add(const std::string& name, int32_t partition) {
  const auto [added, is_new] = instruments_.try_emplace(name);
  Precondition(is_new, "Merger: the instrument was added before");
  Instrument* instrument = &added->second;
  *instrument = {.name = name,
                 .partition = partition,
                 .clock = {partition, VenueOf(name)},
                 .last = {},
                 .from = kBeginning,
                 .known_from = kBeginning,
                 .closed_until = kBeginning,
                 .fold_from = kBeginning,
                 .windows = {},
                 .sent = {}};
  of_clock_[instrument->clock].insert(instrument);
  return instrument;
}

void Merger::AddFrom(const std::string& name, int32_t partition, EventTime from) {
  Instrument* instrument = Add(name, partition);
  instrument->from = instrument->known_from = from;
}

void Merger::AddLast(const std::string& name, int32_t partition, int32_t last) {
  Add(name, partition)->last = last;
}

void Merger::AddResumed(const std::string& name, int32_t partition, EventTime from,
                        EventTime closed_until) {
  Instrument* instrument = Add(name, partition);
  instrument->from = instrument->known_from = from;
  instrument->closed_until = closed_until;
  if (closed_until != kBeginning) {
    instrument->known_from = std::max(from, grid_.Start(closed_until));
  }
}

void Merger::Remove(const std::string& name) {
  Instrument* instrument = Find(name);
  if (instrument == nullptr) return;
  const auto of_it = [&](const Place& place) { return place.first == name; };
  std::erase_if(dirty_closed_, of_it);
  std::erase_if(dirty_open_, of_it);
  std::erase_if(reading_, [&](const auto& entry) { return of_it(entry.first); });
  std::erase_if(read_, [&](const Update& update) { return update->key.instrument == name; });
  of_clock_[instrument->clock].erase(instrument);
  instruments_.erase(name);
}

Merger::Instrument* Merger::Find(const std::string& name) {
  const auto found = instruments_.find(name);
  return found == instruments_.end() ? nullptr : &found->second;
}

EventTime Merger::ClosedUntil(const Instrument& instrument) const {
  const auto clock = clocks_.find(instrument.clock);
  return clock == clocks_.end() ? instrument.closed_until
                                : std::max(instrument.closed_until, clock->second);
}

bool Merger::Closed(const Instrument& instrument, const Window& window) const {
  if (!rules_.final_waits_for_progress) return !window.parts.has_open();
  return window.end <= ClosedUntil(instrument) && !window.parts.has_open();
}

void Merger::OnPart(const Update& part) {
  Instrument* instrument = Find(part->key.instrument);
  if (instrument == nullptr) return;
  if (part->closed()) Raise(instrument->partition, part->version);
  const EventTime start = grid_.Start(part->key.open_time);
  if (start < instrument->from) return;
  if (start < instrument->known_from) {
    if (part->closed() && rules_.forgotten_windows_are_read) {
      Need(*instrument, start, part->version);
    }
    return;
  }
  const bool committed = part->key.close_time() <= ClosedUntil(*instrument);
  if (!part->closed() && committed && rules_.uncommitted_parts_are_dropped) return;
  if (!part->closed() && !rules_.open_parts_count) return;
  Window* window = WindowAt(instrument, start);
  const int64_t apart = window->parts.apart();
  const auto outcome = window->parts.Put(part);
  instrument->parts_apart += window->parts.apart() - apart;
  if (outcome == MergeWindow::Outcome::kOlder) return;
  if (outcome == MergeWindow::Outcome::kFolded) {
    if (rules_.folded_revisions_are_read) Need(*instrument, start, part->version);
    return;
  }
  Mark(*instrument, start, window);
  instrument->fold_from = std::min(instrument->fold_from, start);
  Fold(instrument);
}

Merger::Window* Merger::WindowAt(Instrument* instrument, EventTime start) {
  const auto found = instrument->windows.find(start);
  if (found != instrument->windows.end()) return &found->second;
  return &instrument->windows.emplace(start, Window(grid_, start, rules_)).first->second;
}

void Merger::Need(const Instrument& instrument, EventTime start, int64_t version) {
  const auto [reading, is_new] = reading_.try_emplace({instrument.name, start});
  Reading* of = &reading->second;
  if (is_new) *of = {version, std::max(version, newest_[instrument.partition]), version};
  of->changed = std::min(of->changed, version);
  of->newest = std::max(of->newest, version);
}

void Merger::Mark(const Instrument& instrument, EventTime start, Window* window) {
  window->dirty = true;
  const bool closed = Closed(instrument, *window);
  (closed ? dirty_closed_ : dirty_open_).emplace(instrument.name, start);
  (closed ? dirty_open_ : dirty_closed_).erase({instrument.name, start});
}

void Merger::Unmark(const Instrument& instrument, EventTime start) {
  dirty_closed_.erase({instrument.name, start});
  dirty_open_.erase({instrument.name, start});
}

void Merger::OnClosedUntil(int32_t partition, const std::string& venue, EventTime time) {
  const std::pair<int32_t, std::string> clock{partition, venue};
  const auto instruments = of_clock_.find(clock);
  if (instruments == of_clock_.end()) return;
  EventTime& closed_until = clocks_.try_emplace(clock, time).first->second;
  closed_until = std::max(closed_until, time);
  for (Instrument* instrument : instruments->second) CloseUpTo(instrument, closed_until);
}

void Merger::CloseUpTo(Instrument* instrument, EventTime time) {
  auto next = instrument->windows.begin();
  while (next != instrument->windows.end() && next->first < time) {
    const auto at = next++;
    Window* window = &at->second;
    if (window->sent_closed) continue;
    const int64_t dropped =
        rules_.uncommitted_parts_are_dropped ? window->parts.DropOpenUpTo(time) : 0;
    instrument->parts_apart -= dropped;
    if (window->parts.empty()) {
      Unmark(*instrument, at->first);
      instrument->windows.erase(at);
    } else if (dropped > 0 || window->end <= time) {
      Mark(*instrument, at->first, window);
    }
  }
}

void Merger::Raise(int32_t partition, int64_t version) {
  int64_t& newest = newest_[partition];
  newest = std::max(newest, version);
}

void Merger::OnSnapshot(const Snapshot& snapshot) {
  for (const auto& [partition, next_version] : snapshot.next_version) {
    Raise(partition, next_version - 1);
  }
  for (auto& [place, reading] : reading_) {
    reading.at_least = std::max(reading.at_least, newest_[Find(place.first)->partition]);
  }
  for (auto& [name, instrument] : instruments_) {
    const auto newest = snapshot.newest_closed.find({name, grid_.part()});
    if (newest != snapshot.newest_closed.end()) {
      instrument.closed_until =
          std::max(instrument.closed_until, EventTime{newest->second.us + grid_.part().us()});
    }
  }
  BeginAtLast(snapshot);
  for (auto& [name, instrument] : instruments_) {
    CloseUpTo(&instrument, ClosedUntil(instrument));
  }
  ready_ = true;
}

// Where streams of the newest N begin: at the N-th newest closed window of those that are whole.
void Merger::BeginAtLast(const Snapshot& snapshot) {
  struct Read {
    int64_t parts = 0;
    EventTime oldest;
  };
  std::map<std::string, Read> read;
  for (const Update& part : snapshot.candles) {
    Read& of = read[part->key.instrument];
    of.oldest = of.parts == 0 ? part->key.open_time : std::min(of.oldest, part->key.open_time);
    ++of.parts;
  }
  for (auto& [name, instrument] : instruments_) {
    if (!instrument.last) continue;
    const Read& of = read[name];
    if (of.parts >= PartsOfLast(*instrument.last)) {
      instrument.known_from = grid_.FirstFrom(of.oldest);
    }
    instrument.from = instrument.known_from;
    int64_t left = *instrument.last;
    instrument.last.reset();
    for (auto window = instrument.windows.rbegin(); window != instrument.windows.rend(); ++window) {
      if (window->second.end > ClosedUntil(instrument) || left-- > 0) continue;
      instrument.from = std::max(instrument.from, window->second.end);
      break;
    }
    DropBefore(&instrument, instrument.from);
  }
}

void Merger::DropBefore(Instrument* instrument, EventTime from) {
  std::erase_if(reading_, [&](const auto& entry) {
    return entry.first.first == instrument->name && entry.first.second < from;
  });
  while (!instrument->windows.empty() && instrument->windows.begin()->first < from) {
    const auto oldest = instrument->windows.begin();
    instrument->parts_apart -= oldest->second.parts.apart();
    Unmark(*instrument, oldest->first);
    instrument->windows.erase(oldest);
  }
}

// Parts beyond the bound, oldest first.
void Merger::Fold(Instrument* instrument) {
  auto window = instrument->windows.lower_bound(instrument->fold_from);
  bool blocked = false;
  while (instrument->parts_apart > limits_.parts_apart_max && window != instrument->windows.end()) {
    if (window->second.parts.FoldOldest()) {
      --instrument->parts_apart;
      continue;
    }
    blocked |= window->second.parts.apart() > 0;
    ++window;
    if (!blocked && window != instrument->windows.end()) instrument->fold_from = window->first;
  }
  Forget(instrument);
}

// Windows that were sent, and of which nothing is kept apart any more; oldest first.
void Merger::Forget(Instrument* instrument) {
  while (!instrument->windows.empty()) {
    const auto& [start, window] = *instrument->windows.begin();
    const bool settled =
        window.sent_closed && !window.dirty && !reading_.contains({instrument->name, start});
    if (!settled || window.parts.apart() > 0) return;
    instrument->known_from = std::max(instrument->known_from, window.end);
    instrument->windows.erase(instrument->windows.begin());
  }
}

std::vector<Update> Merger::TakeClosed() {
  if (!ready_) return {};
  std::vector<Update> taken = std::exchange(read_, {});
  for (auto next = dirty_closed_.begin(); next != dirty_closed_.end();) {
    const auto place = next++;
    if (reading_.contains(*place)) continue;
    Instrument* instrument = Find(place->first);
    Window* window = &instrument->windows.at(place->second);
    const int64_t sent_version = window->sent_version;
    Update update = Emit(*instrument, place->second, window, true);
    const bool news = update->version > sent_version || rules_.equal_version_replaces;
    if (news) taken.push_back(std::move(update));
    dirty_closed_.erase(place);
    Forget(instrument);
  }
  return taken;
}

bool Merger::TakeOpen(const std::function<bool(const CandleKey&)>& due,
                      const std::function<bool(Update)>& put) {
  if (!ready_) return true;
  for (auto next = dirty_open_.begin(); next != dirty_open_.end();) {
    const auto place = next++;
    if (reading_.contains(*place) || !due({place->first, grid_.length(), place->second})) continue;
    Instrument* instrument = Find(place->first);
    Update update = Emit(*instrument, place->second, &instrument->windows.at(place->second), false);
    dirty_open_.erase(place);
    if (!put(std::move(update))) return false;
  }
  return true;
}

Update Merger::Emit(const Instrument& instrument, EventTime start, Window* window, bool closed) {
  const int64_t sent_version = window->sent_version;
  int64_t version_min = rules_.version_does_not_go_down ? sent_version : 0;
  const auto before = instrument.sent.find(start);
  if (before != instrument.sent.end()) version_min = std::max(version_min, before->second);
  Update merged = MakeMerged(grid_, instrument.name, instrument.partition, start,
                             window->parts.Merge(), closed, version_min);
  window->sent_version = merged->version;
  window->sent_closed |= closed;
  window->dirty = false;
  return merged;
}

std::optional<EventTime> Merger::from(const std::string& name) const {
  const auto found = instruments_.find(name);
  if (found == instruments_.end() || found->second.last) return std::nullopt;
  return found->second.from;
}

std::optional<EventTime> Merger::known_from(const std::string& name) const {
  const auto found = instruments_.find(name);
  if (found == instruments_.end()) return std::nullopt;
  return found->second.known_from;
}

int64_t Merger::windows() const {
  int64_t windows = static_cast<int64_t>(reading_.size());
  for (const auto& [name, instrument] : instruments_) {
    windows += static_cast<int64_t>(instrument.windows.size());
  }
  return windows;
}

int64_t Merger::parts_apart() const {
  int64_t parts = 0;
  for (const auto& [name, instrument] : instruments_) parts += instrument.parts_apart;
  return parts;
}

}  // namespace quantstream::query
