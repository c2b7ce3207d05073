#include "ingest/venue_clock.h"

#include <algorithm>
#include <utility>

namespace quantstream::ingest {

VenueClock::VenueClock(std::string_view venue, VenueClockOptions options)
    : venue_(venue), options_(options) {}

void VenueClock::Connected(ConnectionId id, std::optional<ConnectionId> instead_of, Instant) {
  Connection connection;
  if (instead_of.has_value()) {
    if (const auto old = connections_.find(*instead_of); old != connections_.end()) {
      connection.down_since = old->second.down_since;
      connections_.erase(old);
    }
  }
  connections_[id] = std::move(connection);
}

void VenueClock::TradePublished(ConnectionId id, EventTime venue_time, Instant received) {
  const auto found = connections_.find(id);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  connection.down_since.reset();
  if (!connection.reach.has_value() || venue_time >= connection.reach->time) {
    connection.reach = Reach{venue_time, received};
  }
}

void VenueClock::Paused(ConnectionId id, Instant now) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || found->second.state != State::kConnected) return;
  found->second.stands = TimeOf(found->second, now);
  found->second.state = State::kPaused;
}

void VenueClock::Resumed(ConnectionId id, Instant now) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || found->second.state != State::kPaused) return;
  Connection& connection = found->second;
  connection.state = State::kConnected;
  if (connection.stands.has_value()) connection.reach = Reach{*connection.stands, now};
}

void VenueClock::Disconnected(ConnectionId id, Instant now) {
  const auto found = connections_.find(id);
  if (found == connections_.end() || found->second.state == State::kDisconnected) return;
  Connection& connection = found->second;
  if (!connection.reach.has_value()) {
    // It had the others' time: there it stands, or where the node's time had come to.
    const auto others = Least(now);
    const auto stands = others.has_value() ? others : newest_read_;
    if (stands.has_value()) connection.reach = Reach{*stands, now};
  }
  connection.stands =
      connection.state == State::kPaused ? connection.stands : TimeOf(connection, now);
  connection.state = State::kDisconnected;
  if (!connection.down_since.has_value()) connection.down_since = now;
}

void VenueClock::Removed(ConnectionId id) {
  connections_.erase(id);
}

void VenueClock::Finish(Instant now) {
  Read(now);
  finished_ = true;
}

EventTime VenueClock::Reached(const Reach& reach, Instant now) const {
  const int64_t quiet_us = std::max<int64_t>(0, (now - reach.at) - options_.margin_us);
  return EventTime{reach.time.us + quiet_us};
}

bool VenueClock::Held(const Connection& connection, Instant now) const {
  return connection.state == State::kDisconnected && options_.hold_on_disconnect_us > 0 &&
         connection.down_since.has_value() &&
         now - *connection.down_since >= options_.hold_on_disconnect_us;
}

std::optional<EventTime> VenueClock::TimeOf(const Connection& connection, Instant now) const {
  if (!connection.reach.has_value()) return std::nullopt;
  if (connection.state == State::kConnected || Held(connection, now)) {
    return Reached(*connection.reach, now);
  }
  return connection.stands;
}

std::optional<EventTime> VenueClock::Least(Instant now) const {
  std::optional<EventTime> least;
  for (const auto& [id, connection] : connections_) {
    const auto time = TimeOf(connection, now);
    if (time.has_value() && (!least.has_value() || *time < *least)) least = time;
  }
  return least;
}

Heartbeat VenueClock::Read(Instant now) {
  Heartbeat heartbeat{.venue = venue_, .venue_time = std::nullopt, .finished = finished_};
  heartbeat.connected = !connections_.empty();
  for (const auto& [id, connection] : connections_) {
    heartbeat.connected = heartbeat.connected && connection.state != State::kDisconnected;
    heartbeat.held = heartbeat.held || Held(connection, now);
  }
  if (finished_) {
    heartbeat.venue_time = newest_read_;
    return heartbeat;
  }
  const auto least = Least(now);
  if (least.has_value()) {
    newest_read_ = newest_read_.has_value() ? std::max(*newest_read_, *least) : *least;
    heartbeat.venue_time = newest_read_;
  }
  return heartbeat;
}

}  // namespace quantstream::ingest
