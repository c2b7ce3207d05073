// Instruments of whole venues that the topic told of since. Those of one second share a leg, or
// a venue that comes up would cost one for each of its instruments.
#include <limits>
#include <utility>

#include "quantstream/v1/market_data.pb.h"
#include "query/service/subscribe_stream.h"

namespace quantstream::query {
namespace {

constexpr EventTime kBeginning{std::numeric_limits<int64_t>::min()};
constexpr std::chrono::seconds kFoundInterval{1};

}  // namespace

void SubscribeStream::OnInstrument(const std::string& name, int32_t partition) {
  std::lock_guard lock(mutex_);
  if (!ended_) found_.emplace(name, partition);
}

void SubscribeStream::Prepare() {
  ReadNextIfAnswered();
  std::map<std::string, int32_t> found;
  if (TakeFound(&found)) {
    const bool added = AddFound(found);
    std::optional<SubscribeQuery> next;
    {
      std::lock_guard lock(mutex_);
      if (added) found_due_ = Clock::now() + kFoundInterval;
      next.swap(waiting_);
      busy_ = next.has_value();
    }
    if (next) Work(*next);
  }
  std::unique_lock lock(mutex_);
  if (ended_ || found_.empty()) return;
  lock.unlock();
  parts_->fanout->WantTick(this);
}

// True: they are there, and this one is who adds now.
bool SubscribeStream::TakeFound(std::map<std::string, int32_t>* found) {
  std::lock_guard lock(mutex_);
  if (ended_ || busy_ || found_.empty() || Clock::now() < found_due_) return false;
  found->swap(found_);
  busy_ = true;
  return true;
}

// True: something was new.
bool SubscribeStream::AddFound(const std::map<std::string, int32_t>& found) {
  FoundAdditions additions;
  {
    std::lock_guard lock(mutex_);
    if (ended_) return false;
    v1::SubscribeResponse answers;
    for (const auto& [name, partition] : found) {
      AddFoundLocked(name, partition, &additions, &answers);
    }
    if (answers.statuses_size() > 0) subscription_.Notify(answers.SerializeAsString());
  }
  for (auto& [history, adding] : additions) AddLegsOf(std::move(adding), nullptr);
  return !additions.empty();
}

// All of it: nothing was there before.
void SubscribeStream::AddFoundLocked(const std::string& name, int32_t partition,
                                     FoundAdditions* additions, v1::SubscribeResponse* answers) {
  const std::string venue = name.substr(0, name.find(':'));
  for (auto at = whole_venues_.lower_bound({venue, ""});
       at != whole_venues_.end() && at->first.first == venue; ++at) {
    const std::string& interval = at->first.second;
    const WholeVenue& whole = at->second;
    if (active_.contains({name, interval})) continue;
    const EventTime start = whole.history.start_time.value_or(kBeginning);
    Adding& adding = (*additions)[{start, whole.history.closed_only}];
    adding.history = whole.history;
    adding.history.start_time = start;
    adding.history.last = 0;
    const Active active{.by_name = false,
                        .closed_only = whole.history.closed_only,
                        .update_interval = whole.update_interval};
    AddStatus(name, interval, AddItemLocked(name, partition, whole.grid, active, &adding), answers);
  }
}

}  // namespace quantstream::query
