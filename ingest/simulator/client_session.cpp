#include "ingest/simulator/client_session.h"

#include <chrono>
#include <optional>

#include <boost/beast/ssl.hpp>
#include <boost/beast/websocket.hpp>
#include <boost/beast/websocket/ssl.hpp>

#include "ingest/simulator/outbound_stream.h"

namespace quantstream::simulator {
namespace {

namespace beast = boost::beast;
namespace websocket = boost::beast::websocket;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr auto kClosingMax = milliseconds(5000);
constexpr size_t kRequestBytesMax = 64 * 1024;

beast::tcp_stream& TcpOf(PlainStream& stream) {
  return stream;
}
beast::tcp_stream& TcpOf(TlsStream& stream) {
  return stream.next_layer();
}

template <class Next>
class ClientSession : public Client, public std::enable_shared_from_this<ClientSession<Next>> {
 public:
  ClientSession(Next stream, HttpRequest request, StreamTarget target, ClientHost* host)
      : host_(host),
        subscriptions_(static_cast<size_t>(host->limits().streams_max)),
        request_(std::move(request)),
        target_(std::move(target)),
        socket_(std::move(stream)),
        tick_(socket_.get_executor()),
        deadline_(socket_.get_executor()) {}

  void Start() {
    out().OwnedBy(this->weak_from_this());
    tcp().expires_never();
    socket_.set_option(websocket::stream_base::timeout{std::chrono::seconds(10),
                                                       websocket::stream_base::none(), false});
    socket_.read_message_max(kRequestBytesMax);
    socket_.control_callback(
        [this](websocket::frame_type kind, beast::string_view) { OnControl(kind); });
    socket_.async_accept(request_, [self = this->shared_from_this()](beast::error_code error) {
      if (!error) self->OnAccepted();
    });
  }

  void Queue(std::string_view frame) override {
    if (!open_) return;
    out().Queue(frame);
    slow_ = slow_ || out().queued_bytes() > static_cast<size_t>(limits().queued_bytes_max);
  }
  void Flush() override {
    if (slow_) {
      Abort("slow");
    } else if (open_) {
      out().Flush();
    }
  }
  size_t queued_bytes() const override { return out().queued_bytes(); }

  void SendText(std::string_view text) override {
    std::string frame;
    AppendTextFrame(text, &frame);
    Queue(frame);
    Flush();
  }

  void Close(std::string_view why) override { CloseWith(websocket::close_code::going_away, why); }

  void Abort(std::string_view why) override {
    open_ = false;
    if (why_.empty()) why_ = why;
    beast::error_code ignored;
    tcp().socket().set_option(boost::asio::socket_base::linger(true, 0), ignored);
    tcp().socket().close(ignored);
  }

 private:
  OutboundStream<Next>& out() { return socket_.next_layer(); }
  const OutboundStream<Next>& out() const { return socket_.next_layer(); }
  beast::tcp_stream& tcp() { return TcpOf(out().next_layer()); }
  const ClientLimits& limits() const { return host_->limits(); }

  void OnAccepted() {
    open_ = true;
    host_->Joined(this->shared_from_this());
    const absl::StatusOr<std::vector<std::string>> added = subscriptions_.Add(target_.streams);
    if (!added.ok()) {
      CloseWith(websocket::close_code::policy_error, "talkative");
    } else {
      host_->venue().Subscribe(this, *added, target_.unit);
    }
    accepted_at_ = last_pong_ = Clock::now();
    ScheduleTick();
    Read();
  }

  void Read() {
    socket_.async_read(incoming_, [self = this->shared_from_this()](
                                      beast::error_code error, size_t) { self->OnRead(error); });
  }

  void OnRead(beast::error_code error) {
    if (error) {
      Finish(error == websocket::error::closed ? "client" : "broken");
      return;
    }
    const std::string text = beast::buffers_to_string(incoming_.data());
    incoming_.clear();
    if (open_ && CountMessage()) Answer(text);
    Read();
  }

  void Answer(std::string_view text) {
    const SubscriptionChange change = subscriptions_.Handle(text);
    host_->venue().Unsubscribe(this, change.removed);
    SendText(change.answer);
    host_->venue().Subscribe(this, change.added, target_.unit);
    host_->metrics().RequestAnswered("subscription");
  }

  // False when the client says too much.
  bool CountMessage() {
    const auto now = Clock::now();
    if (now - second_began_ >= std::chrono::seconds(1)) {
      second_began_ = now;
      messages_ = 0;
    }
    if (++messages_ <= limits().messages_per_s_max) return true;
    CloseWith(websocket::close_code::policy_error, "talkative");
    return false;
  }

  void OnControl(websocket::frame_type kind) {
    if (kind == websocket::frame_type::pong) last_pong_ = Clock::now();
    if (kind == websocket::frame_type::ping && open_) CountMessage();
    if (kind == websocket::frame_type::close) open_ = false;
  }

  void ScheduleTick() {
    const auto left = accepted_at_ + milliseconds(limits().lifetime_ms) - Clock::now();
    tick_.expires_after(std::min<Clock::duration>(left, milliseconds(limits().ping_interval_ms)));
    tick_.async_wait([self = this->shared_from_this()](beast::error_code error) {
      if (!error) self->OnTick();
    });
  }

  void OnTick() {
    const auto now = Clock::now();
    if (!open_) return;
    if (now - last_pong_ > milliseconds(limits().pong_timeout_ms)) {
      Abort("mute");
      return;
    }
    if (now - accepted_at_ >= milliseconds(limits().lifetime_ms)) {
      CloseWith(websocket::close_code::going_away, "lifetime");
      return;
    }
    const std::string stamp = std::to_string(now.time_since_epoch().count());
    socket_.async_ping(websocket::ping_data(stamp.c_str()),
                       [self = this->shared_from_this()](beast::error_code) {});
    ScheduleTick();
  }

  void CloseWith(websocket::close_code code, std::string_view why) {
    if (!open_) return;
    open_ = false;
    why_ = why;
    socket_.async_close(code, [self = this->shared_from_this()](beast::error_code) {});
    deadline_.expires_after(kClosingMax);
    deadline_.async_wait([self = this->shared_from_this()](beast::error_code error) {
      if (!error) self->Abort("broken");
    });
  }

  void Finish(std::string_view why) {
    open_ = false;
    tick_.cancel();
    deadline_.cancel();
    host_->venue().Leave(this);
    host_->metrics().ClientClosed(why_.empty() ? why : why_);
    host_->Left(this);
  }

  ClientHost* host_;
  Subscriptions subscriptions_;
  HttpRequest request_;
  StreamTarget target_;
  bool open_ = false;  // accepted, and no end has begun
  bool slow_ = false;
  std::string why_;  // it ended, when the venue ended it
  int64_t messages_ = 0;
  Clock::time_point second_began_;
  Clock::time_point accepted_at_;
  Clock::time_point last_pong_;
  beast::flat_buffer incoming_;
  websocket::stream<OutboundStream<Next>> socket_;
  boost::asio::steady_timer tick_;
  boost::asio::steady_timer deadline_;
};

template <class Next>
void Accept(Next stream, HttpRequest request, StreamTarget target, ClientHost* host) {
  std::make_shared<ClientSession<Next>>(std::move(stream), std::move(request), std::move(target),
                                        host)
      ->Start();
}

}  // namespace

void AcceptClient(PlainStream stream, HttpRequest request, StreamTarget target, ClientHost* host) {
  Accept(std::move(stream), std::move(request), std::move(target), host);
}

void AcceptClient(TlsStream stream, HttpRequest request, StreamTarget target, ClientHost* host) {
  Accept(std::move(stream), std::move(request), std::move(target), host);
}

}  // namespace quantstream::simulator
