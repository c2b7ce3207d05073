// A stream under Beast's WebSocket that gathers what is written, so that many frames leave in one
// system call. Control frames come from Beast, data frames ready-made by Queue; both are appended
// whole. One thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/websocket.hpp>

namespace quantstream::simulator {

template <class Next>
class OutboundStream {
 public:
  using executor_type = typename Next::executor_type;
  using next_layer_type = Next;

  explicit OutboundStream(Next next) : next_(std::move(next)) {}

  executor_type get_executor() noexcept { return next_.get_executor(); }
  Next& next_layer() { return next_; }

  // Who holds this stream, and lives as long as something is being sent. Call before anything is
  // written.
  void OwnedBy(std::weak_ptr<void> owner) { owner_ = std::move(owner); }

  void Queue(std::string_view bytes) { filling_.append(bytes); }
  size_t queued_bytes() const { return filling_.size() + (writing_ ? sending_.size() : 0); }

  // Begins to send what is queued, unless sending goes on already.
  void Flush() {
    if (writing_ || filling_.empty()) {
      if (!writing_) Drained();
      return;
    }
    writing_ = true;
    sending_.swap(filling_);
    filling_.clear();
    boost::asio::async_write(
        next_, boost::asio::buffer(sending_),
        [this, owner = owner_.lock()](boost::system::error_code error, size_t) { Sent(error); });
  }

  // Calls back once when nothing is queued any more or the connection is broken.
  void WhenDrained(std::function<void()> callback) {
    drained_ = std::move(callback);
    Flush();
  }

  template <class Buffers, class Handler>
  auto async_read_some(const Buffers& buffers, Handler&& handler) {
    return next_.async_read_some(buffers, std::forward<Handler>(handler));
  }

  template <class Buffers, class Handler>
  auto async_write_some(const Buffers& buffers, Handler&& handler) {
    return boost::asio::async_initiate<Handler, void(boost::system::error_code, size_t)>(
        [this](auto completion, const Buffers& bytes) {
          const size_t size = boost::beast::buffer_bytes(bytes);
          for (const boost::asio::const_buffer buffer : boost::beast::buffers_range_ref(bytes)) {
            filling_.append(static_cast<const char*>(buffer.data()), buffer.size());
          }
          Flush();
          boost::asio::post(get_executor(),
                            boost::beast::bind_front_handler(std::move(completion), error_, size));
        },
        handler, buffers);
  }

 private:
  void Sent(boost::system::error_code error) {
    writing_ = false;
    if (error) {
      error_ = error;
      filling_.clear();
    }
    Flush();
  }
  void Drained() {
    if (drained_) std::exchange(drained_, nullptr)();
  }

  Next next_;
  std::string filling_;
  std::string sending_;
  bool writing_ = false;
  boost::system::error_code error_;
  std::function<void()> drained_;
  std::weak_ptr<void> owner_;
};

// How Beast takes the stream down once the closing handshake is over: what is queued leaves first.
template <class Next, class Handler>
void async_teardown(boost::beast::role_type role, OutboundStream<Next>& stream, Handler&& handler) {
  auto kept = std::make_shared<std::decay_t<Handler>>(std::forward<Handler>(handler));
  stream.WhenDrained([role, &stream, kept] {
    using boost::beast::websocket::async_teardown;
    async_teardown(role, stream.next_layer(), std::move(*kept));
  });
}

template <class Next>
void teardown(boost::beast::role_type role, OutboundStream<Next>& stream,
              boost::system::error_code& error) {
  using boost::beast::websocket::teardown;
  teardown(role, stream.next_layer(), error);
}

}  // namespace quantstream::simulator
