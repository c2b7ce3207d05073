#include "ingest/live_feed.h"

#include <chrono>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include "ingest/connection.h"
#include "ingest/wall_time.h"
#include "platform/log.h"
#include "platform/status.h"

namespace quantstream::ingest {
namespace {

constexpr std::chrono::milliseconds kTick{10};
// Longer pauses of this thread do not count as elapsed: trades may have come that were not read.
constexpr int64_t kStallUs = 500'000;

}  // namespace

class LiveFeed::Loop {
 public:
  Loop(LiveOptions options, Parts parts, WebSocketUrl url,
       std::shared_ptr<boost::asio::ssl::context> tls)
      : options_(std::move(options)),
        parts_(parts),
        url_(std::move(url)),
        tls_(std::move(tls)),
        tick_(io_),
        flush_(io_) {
    options_.intake.source_name = parts_.venue.name + " " + options_.websocket_url;
    for (const char* condition : {"venue", "clock_offset", "buffer", "kafka"}) {
      parts_.readiness.Require(condition);
    }
  }

  void Run(const Shutdown& shutdown) {
    StartFeeds();
    ArmTick(shutdown);
    io_.run();
    for (auto& [id, socket] : sockets_) {
      if (socket->intake != nullptr) socket->intake->Close();
      socket->connection->Close();
    }
    sockets_.clear();
    retired_.clear();
    io_.restart();
    io_.poll();
  }

 private:
  // One link: its connection, and what becomes of its frames.
  struct Socket final : ConnectionEvents {
    Socket(Loop& owner, size_t feed_index, LinkId link) : loop(owner), feed(feed_index), id(link) {}
    void OnOpen() override { loop.Opened(*this); }
    void OnFrame(std::string_view frame) override { loop.TakeFrame(*this, frame); }
    void OnRefusedFrame(DeadLetter letter) override {
      letter.source = loop.options_.intake.source_name;
      intake->Refuse(std::move(letter));
    }
    void OnClosed(const absl::Status& why) override { loop.LostByPeer(*this, why); }

    Loop& loop;
    size_t feed;
    LinkId id;
    bool open = false;
    std::unique_ptr<Intake> intake;
    std::unique_ptr<Connection> connection;
  };
  struct Group {
    Feed feed;
    LinkId standing;  // the link whose last time the venue's clock keeps while there is none; 0 =
                      // there is one
  };

  void StartFeeds() {
    std::vector<std::string> streams;
    for (const Symbol* symbol : parts_.symbols.instruments()) {
      streams.push_back(parts_.venue.stream_name(*symbol, options_.channel));
    }
    for (auto& group : SplitStreams(streams, options_.feed.limits.streams_per_connection)) {
      const LinkId standing = next_link_++;
      parts_.clock.Connected(standing, std::nullopt, feed_now_);
      parts_.clock.Disconnected(standing, feed_now_);
      groups_.push_back(
          {Feed(parts_.venue, std::move(group), options_.feed, &next_link_, SystemRandom()),
           standing});
    }
    for (size_t i = 0; i < groups_.size(); ++i) {
      groups_[i].feed.Start(Now());
      Perform(i);
    }
  }

  Instant Now() {
    const Instant now = SteadyNow();
    if (last_seen_.has_value()) feed_now_.us += std::min(now - *last_seen_, kStallUs);
    last_seen_ = now;
    parts_.publisher.SetFeedTime(feed_now_);
    return now;
  }

  void Opened(Socket& socket) {
    const Instant now = Now();
    socket.open = true;
    Group& group = groups_[socket.feed];
    const LinkId standing = std::exchange(group.standing, 0);
    parts_.clock.Connected(socket.id, standing == 0 ? std::nullopt : std::optional(standing),
                           feed_now_);
    parts_.metrics.ConnectionOpened();
    Log(kInfo, "connected", {{"venue", parts_.venue.name}, {"link", socket.id}});
    if (paused_) Pause(socket);
    group.feed.Opened(socket.id, now);
    Perform(socket.feed);
  }

  void TakeFrame(Socket& socket, std::string_view frame) {
    const Instant now = Now();
    const DecodedFrame& decoded = socket.intake->Take(frame, WallNow(), feed_now_);
    if (decoded.kind == FrameKind::kRequestRefused) {
      parts_.metrics.SubscriptionRefused();
      Log(kWarning, "subscription refused", {{"frame", frame.substr(0, 500)}});
    }
    groups_[socket.feed].feed.Frame(socket.id, decoded, now);
    Perform(socket.feed);
    if (parts_.publisher.Full()) PauseAll();
    ArmFlush(now);
  }

  void LostByPeer(Socket& socket, const absl::Status& why) {
    const Instant now = Now();
    Log(kWarning, "connection lost",
        {{"venue", parts_.venue.name}, {"link", socket.id}, {"error", why}});
    parts_.metrics.ConnectionLost(socket.open ? "closed" : "failed");
    groups_[socket.feed].feed.Closed(socket.id, now);
    Retire(socket.id, true);
    Perform(socket.feed);
  }

  // The link carries nothing any more. `lost`: the venue's clock may have to wait for another one.
  void Retire(LinkId id, bool lost) {
    const auto found = sockets_.find(id);
    if (found == sockets_.end()) return;
    std::unique_ptr<Socket> socket = std::move(found->second);
    sockets_.erase(found);
    socket->intake->Close();
    socket->connection->Close();
    if (socket->open) LeaveClock(*socket, lost);
    retired_.push_back(std::move(socket));  // it may be on the stack
  }

  void LeaveClock(const Socket& socket, bool lost) {
    bool others = false;
    for (const auto& [id, other] : sockets_) {
      others = others || (other->feed == socket.feed && other->open);
    }
    if (!lost || others) return parts_.clock.Removed(socket.id);
    parts_.clock.Disconnected(socket.id, feed_now_);
    groups_[socket.feed].standing = socket.id;
  }

  void Perform(size_t feed) {
    for (FeedAction& action : groups_[feed].feed.TakeActions()) {
      const auto socket = sockets_.find(action.link);
      switch (action.kind) {
        case FeedAction::Kind::kConnect:
          Connect(feed, action.link);
          break;
        case FeedAction::Kind::kSend:
          if (socket != sockets_.end()) socket->second->connection->Send(std::move(action.text));
          break;
        case FeedAction::Kind::kClose:
          CloseLink(action);
          break;
      }
    }
  }

  void CloseLink(const FeedAction& action) {
    Log(kInfo, "connection closed",
        {{"venue", parts_.venue.name}, {"link", action.link}, {"why", action.why}});
    if (action.lost) {
      parts_.metrics.ConnectionLost(action.why);
    } else {
      parts_.metrics.HandedOver();
    }
    Retire(action.link, action.lost);
  }

  void Connect(size_t feed, LinkId link) {
    auto socket = std::make_unique<Socket>(*this, feed, link);
    socket->intake = std::make_unique<Intake>(
        link, parts_.venue.make_decoder(parts_.symbols, options_.channel),
        IntakeParts{parts_.publisher, parts_.publisher, parts_.clock, parts_.metrics},
        options_.intake);
    ConnectionOptions connection{.url = url_, .tls = tls_};
    connection.connect_timeout_ms = options_.connect_timeout_ms;
    Socket* const events = sockets_.emplace(link, std::move(socket)).first->second.get();
    events->connection = Connection::Open(io_, std::move(connection), events);
  }

  void Pause(Socket& socket) {
    socket.connection->Pause();
    parts_.clock.Paused(socket.id, feed_now_);
  }

  void PauseAll() {
    if (std::exchange(paused_, true)) return;
    Log(kWarning, "buffer full: the venue is not read", {{"venue", parts_.venue.name}});
    parts_.metrics.ReadingPaused(true);
    parts_.readiness.Unmet("buffer", "full: the venue is not read until Kafka takes records");
    for (auto& [id, socket] : sockets_) {
      if (socket->open) Pause(*socket);
    }
  }

  void ResumeAll(Instant now) {
    if (!std::exchange(paused_, false)) return;
    Log(kInfo, "buffer has room: the venue is read again", {{"venue", parts_.venue.name}});
    parts_.metrics.ReadingPaused(false);
    for (auto& group : groups_) group.feed.Resumed(now);
    for (auto& [id, socket] : sockets_) {
      if (!socket->open) continue;
      parts_.clock.Resumed(id, feed_now_);
      socket->connection->Resume();
    }
  }

  void ArmTick(const Shutdown& shutdown) {
    tick_.expires_after(kTick);
    tick_.async_wait([this, &shutdown](boost::system::error_code error) {
      if (error) return;
      if (shutdown.requested()) return io_.stop();
      Tick();
      ArmTick(shutdown);
    });
  }

  void Tick() {
    const Instant now = Now();
    retired_.clear();
    for (auto& [id, socket] : sockets_) socket->intake->Tick(feed_now_);
    parts_.publisher.Step(now);
    if (parts_.publisher.Full()) {
      PauseAll();
    } else {
      ResumeAll(now);
    }
    // While we do not read, silence is ours and acknowledgements wait in the socket.
    for (size_t i = 0; i < groups_.size() && !paused_; ++i) {
      groups_[i].feed.Tick(now);
      Perform(i);
    }
    if (++ticks_ % 10 == 1) Report();
  }

  void ArmFlush(Instant now) {
    const auto deadline = parts_.publisher.NextDeadline();
    if (!deadline.has_value()) return;
    if (*deadline <= now) return parts_.publisher.Step(now);
    if (std::exchange(flush_armed_, true)) return;
    flush_.expires_after(std::chrono::microseconds(*deadline - now));
    flush_.async_wait([this](boost::system::error_code error) {
      flush_armed_ = false;
      if (error) return;
      const Instant due = Now();
      parts_.publisher.Step(due);
      ArmFlush(due);
    });
  }

  void Report() {
    int64_t open = 0;
    int64_t offset_us = 0;
    for (const auto& [id, socket] : sockets_) {
      open += socket->open ? 1 : 0;
      const int64_t one = socket->intake->offset_us();
      if (std::abs(one) > std::abs(offset_us)) offset_us = one;
    }
    size_t missing = 0;
    for (const auto& group : groups_) missing += group.feed.MissingStreams();
    parts_.metrics.ConnectionsOpen(open);
    parts_.metrics.SubscriptionsMissing(static_cast<int64_t>(missing));
    parts_.metrics.VenueOffset(offset_us);
    const Heartbeat heartbeat = parts_.clock.Read(feed_now_);
    parts_.metrics.Held(heartbeat.held);
    if (heartbeat.venue_time.has_value()) parts_.metrics.VenueTime(heartbeat.venue_time->us);
    ReportReadiness(missing, offset_us);
  }

  void ReportReadiness(size_t missing, int64_t offset_us) {
    Tell("venue", missing == 0, std::to_string(missing) + " streams are not subscribed yet");
    Tell("clock_offset", std::abs(offset_us) <= options_.offset_ready_max_us,
         "the venue's clock is off by " + std::to_string(offset_us / 1000) + " ms");
    if (!paused_) parts_.readiness.Met("buffer");
    const absl::Status kafka = parts_.publisher.Health();
    Tell("kafka", kafka.ok(), Message(kafka));
  }

  void Tell(const char* condition, bool met, const std::string& reason) {
    if (met) {
      parts_.readiness.Met(condition);
    } else {
      parts_.readiness.Unmet(condition, reason);
    }
  }

  LiveOptions options_;
  Parts parts_;
  WebSocketUrl url_;
  std::shared_ptr<boost::asio::ssl::context> tls_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer tick_;
  boost::asio::steady_timer flush_;
  bool flush_armed_ = false;
  bool paused_ = false;
  uint64_t ticks_ = 0;
  LinkId next_link_ = 1;
  Instant feed_now_;                  // time during which this thread was reading
  std::optional<Instant> last_seen_;  // the steady clock when feed_now_ was moved
  std::vector<Group> groups_;
  std::map<LinkId, std::unique_ptr<Socket>> sockets_;
  std::vector<std::unique_ptr<Socket>> retired_;
};

LiveFeed::LiveFeed(std::unique_ptr<Loop> loop) : loop_(std::move(loop)) {}
LiveFeed::~LiveFeed() = default;

absl::StatusOr<std::unique_ptr<LiveFeed>> LiveFeed::Make(LiveOptions options, Parts parts) {
  auto url = WebSocketUrl::Parse(options.websocket_url);
  if (!url.ok()) return url.status();
  std::shared_ptr<boost::asio::ssl::context> tls;
  if (url->tls) {
    auto made = MakeTlsContext(options.ca_file);
    if (!made.ok()) return made.status();
    tls = *std::move(made);
  }
  return std::unique_ptr<LiveFeed>(new LiveFeed(
      std::make_unique<Loop>(std::move(options), parts, *std::move(url), std::move(tls))));
}

void LiveFeed::Run(const Shutdown& shutdown) {
  loop_->Run(shutdown);
}

}  // namespace quantstream::ingest
