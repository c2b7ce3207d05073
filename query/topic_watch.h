// Is the topic still the one that is read? Asked on a thread and a connection of its own, ahead of
// need: on the consumer's connection a question waits behind a fetch that waits for records.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "absl/status/statusor.h"

namespace quantstream::query {

class TopicWatch {
 public:
  using Ask = std::function<absl::StatusOr<std::string>()>;
  using Time = std::chrono::steady_clock::time_point;

  // `ask` is called on the watch's thread, `interval` apart at least, and only while somebody wants
  // to know.
  TopicWatch(Ask ask, std::chrono::milliseconds interval);
  ~TopicWatch();  // waits for the question that is under way

  // The answer to a question that was asked at or after `since`: at once when there is one, else
  // within `wait`. nullopt: none in that time.
  std::optional<absl::StatusOr<std::string>> AskedSince(Time since, std::chrono::milliseconds wait);

 private:
  void Loop();

  const Ask ask_;
  const std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::condition_variable changed_;
  bool wanted_ = false;
  bool ended_ = false;
  Time asked_at_;  // of `answer_`
  std::optional<absl::StatusOr<std::string>> answer_;
  std::thread thread_;
};

}  // namespace quantstream::query
