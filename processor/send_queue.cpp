#include "processor/send_queue.h"

#include <algorithm>
#include <utility>

namespace quantstream::processor {

void SendQueue::Add(QueuedMessage message) {
  bytes_ += message.bytes();
  if (message.version < 0) ++events_[message.partition];
  waiting_.push_back(std::move(message));
}

const QueuedMessage* SendQueue::Next() const {
  const bool waits = failed_ > 0 || (one_by_one_ && !on_way_.empty());
  return waiting_.empty() || waits ? nullptr : &waiting_.front();
}

void SendQueue::Sent(uint64_t token) {
  on_way_.emplace_hint(on_way_.end(), token, OnWay{std::move(waiting_.front())});
  waiting_.pop_front();
}

QueuedMessage SendQueue::Discard() {
  QueuedMessage message = std::move(waiting_.front());
  waiting_.pop_front();
  Done(message);
  return message;
}

void SendQueue::Done(const QueuedMessage& message) {
  bytes_ -= message.bytes();
  const auto events = events_.find(message.partition);
  if (message.version < 0 && events != events_.end() && --events->second == 0) {
    events_.erase(events);
  }
}

std::optional<QueuedMessage> SendQueue::Reported(uint64_t token, bool delivered) {
  auto found = on_way_.find(token);
  if (found == on_way_.end()) {
    return std::nullopt;
  }
  std::optional<QueuedMessage> done;
  const bool is_event = found->second.message.version < 0;
  if (!is_event && (!delivered || IsBehindAFailure(found))) {
    found->second.failed = true;
    ++failed_;
  } else {
    one_by_one_ = one_by_one_ && !delivered;
    done = std::move(found->second.message);
    Done(*done);
    on_way_.erase(found);
  }
  TakeBackWhenAllFailed();
  return done;
}

void SendQueue::ProducerGone() {
  std::erase_if(on_way_, [this](const auto& entry) {
    bool is_event = entry.second.message.version < 0;
    if (is_event) Done(entry.second.message);
    return is_event;
  });
  TakeBack();
}

bool SendQueue::IsBehindAFailure(std::map<uint64_t, OnWay>::const_iterator entry) const {
  return failed_ > 0 && std::any_of(on_way_.begin(), entry, [&](const auto& earlier) {
           return earlier.second.failed &&
                  earlier.second.message.partition == entry->second.message.partition;
         });
}

void SendQueue::TakeBackWhenAllFailed() {
  if (failed_ > 0 && failed_ == static_cast<int64_t>(on_way_.size())) {
    one_by_one_ = true;
    TakeBack();
  }
}

void SendQueue::TakeBack() {
  for (auto entry = on_way_.rbegin(); entry != on_way_.rend(); ++entry) {
    waiting_.push_front(std::move(entry->second.message));
  }
  on_way_.clear();
  failed_ = 0;
}

void SendQueue::Forget(int32_t partition) {
  std::erase_if(waiting_, [&](const QueuedMessage& message) {
    bytes_ -= message.partition == partition ? message.bytes() : 0;
    return message.partition == partition;
  });
  for (auto entry = on_way_.begin(); entry != on_way_.end();) {
    OnWay& each = entry->second;
    bool is_its = each.message.partition == partition;
    each.message.version = is_its ? -1 : each.message.version;
    if (is_its && each.failed) {
      --failed_;
      bytes_ -= each.message.bytes();
      entry = on_way_.erase(entry);
    } else {
      ++entry;
    }
  }
  events_.erase(partition);
  TakeBackWhenAllFailed();
}

}  // namespace quantstream::processor
