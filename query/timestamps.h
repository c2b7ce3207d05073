// Moments and lengths of time as google.protobuf has them.
#pragma once

#include <google/protobuf/duration.pb.h>
#include <google/protobuf/timestamp.pb.h>

#include <chrono>

#include "market/interval.h"
#include "market/time.h"

namespace quantstream::query {

inline void SetTime(EventTime time, google::protobuf::Timestamp* out) {
  const EventTime second = WindowStart(time, Interval{1});
  out->set_seconds(second.us / kMicrosecondsPerSecond);
  out->set_nanos(static_cast<int32_t>(time.us - second.us) * 1000);
}

// REQUIRES: not negative.
inline void SetDuration(std::chrono::milliseconds length, google::protobuf::Duration* out) {
  out->set_seconds(length.count() / 1000);
  out->set_nanos(static_cast<int32_t>(length.count() % 1000) * 1'000'000);
}

}  // namespace quantstream::query
