// Messages of one topic on their way to the broker: waiting for the producer, or given to it and
// not reported yet. What failed is sent again in its first order and before anything newer (rule 16
// of SEMANTICS.md). Pure: no clock, thread or I/O.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>

#include "processor/outbox.h"

namespace quantstream::processor {

struct QueuedMessage {
  int32_t partition = 0;
  int64_t version = -1;  // of its outbox row; -1 = an event, which is never sent again
  OutboxMessage content;

  int64_t bytes() const {
    return static_cast<int64_t>(content.candle_event.size() + content.dead_letter.bytes.size()) +
           64;
  }
};

class SendQueue {
 public:
  void Add(QueuedMessage message);

  // To be given to the producer now. Null when there is none, from a failure on until the producer
  // has reported everything that is on its way, and then while the one sent again is not
  // delivered: a message that fails for ever lets nothing newer pass.
  const QueuedMessage* Next() const;
  // The producer took Next() under this token. REQUIRES: greater than all before.
  void Sent(uint64_t token);
  // Next() is never to be sent.
  QueuedMessage Discard();

  // The producer's report. The message, when it is not to be sent again: delivered, or an event;
  // nothing for a token that is not of this queue. What was delivered behind a failure of its
  // partition is sent again, too: whoever reads the topic keeps no older version behind a newer.
  // REQUIRES: of one partition, reports come in order of token.
  std::optional<QueuedMessage> Reported(uint64_t token, bool delivered);
  // The producer is gone with what it has: all of it is to be sent again.
  void ProducerGone();
  // Nobody waits for messages of this partition any more; those on their way may still arrive.
  void Forget(int32_t partition);

  // Events of the partition that are not reported yet.
  bool HasEvents(int32_t partition) const { return events_.contains(partition); }
  int64_t messages() const { return static_cast<int64_t>(waiting_.size() + on_way_.size()); }
  int64_t bytes() const { return bytes_; }

 private:
  struct OnWay {
    QueuedMessage message;
    bool failed = false;
  };
  void Done(const QueuedMessage& message);
  bool IsBehindAFailure(std::map<uint64_t, OnWay>::const_iterator entry) const;
  void TakeBackWhenAllFailed();
  void TakeBack();

  std::deque<QueuedMessage> waiting_;
  std::map<uint64_t, OnWay> on_way_;
  int64_t failed_ = 0;       // of on_way_
  bool one_by_one_ = false;  // since a failure: the next one tells whether things work again
  int64_t bytes_ = 0;
  std::map<int32_t, int64_t> events_;  // by partition; how many
};

}  // namespace quantstream::processor
