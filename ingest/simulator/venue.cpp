#include "ingest/simulator/venue.h"

#include <algorithm>

#include "platform/log.h"

namespace quantstream::simulator {

Venue::Venue(std::unique_ptr<MessageSource> source, Faults faults, SentLedger ledger,
             const VenueOptions& options, Metrics* metrics)
    : source_(std::move(source)),
      faults_(std::move(faults)),
      ledger_(std::move(ledger)),
      options_(options),
      metrics_(metrics),
      listeners_(source_->streams().size()),
      history_(source_->symbols().size()) {
  for (const std::string& name : source_->streams()) {
    stream_index_.emplace(name, static_cast<uint32_t>(stream_index_.size()));
    is_trade_stream_.push_back(name.ends_with("@trade"));
  }
  for (const VenueSymbol& symbol : source_->symbols()) {
    symbol_index_.emplace(symbol.Name(), static_cast<uint32_t>(symbol_names_.size()));
    symbol_names_.push_back(symbol.Name());
  }
}

void Venue::Subscribe(Subscriber* client, const std::vector<std::string>& streams, TimeUnit unit) {
  for (const std::string& name : streams) {
    const auto found = stream_index_.find(name);
    if (found == stream_index_.end()) continue;
    listeners_[found->second].push_back({client, unit});
    ++clients_[client];
  }
}

void Venue::Unsubscribe(Subscriber* client, const std::vector<std::string>& streams) {
  for (const std::string& name : streams) {
    const auto found = stream_index_.find(name);
    if (found == stream_index_.end()) continue;
    const size_t removed = std::erase_if(
        listeners_[found->second], [client](const Listener& l) { return l.client == client; });
    const auto entry = clients_.find(client);
    if (removed > 0 && --entry->second == 0) clients_.erase(entry);
  }
}

void Venue::Leave(Subscriber* client) {
  if (clients_.erase(client) == 0) return;
  for (std::vector<Listener>& listeners : listeners_) {
    std::erase_if(listeners, [client](const Listener& l) { return l.client == client; });
  }
}

bool Venue::MayStart() const {
  if (!options_.start_when_subscribed) return true;
  for (size_t stream = 0; stream < listeners_.size(); ++stream) {
    if (is_trade_stream_[stream] && listeners_[stream].empty()) return false;
  }
  return true;
}

bool Venue::MustWait() const {
  return source_->can_wait() && std::any_of(clients_.begin(), clients_.end(), [this](auto& entry) {
           return entry.first->queued_bytes() > options_.wait_bytes;
         });
}

bool Venue::Pump(int64_t now_us) {
  if (!status_.started) status_.started = MayStart();
  if (!status_.started || paused_ || MustWait()) return false;
  const auto send = [this](const VenueMessage& message) { Send(message); };
  VenueMessage message;
  bool more = true;
  for (int taken = 0; more && taken < kPumpMessagesMax; ++taken) {
    more = source_->TakeDue(now_us, &message);
    if (!more) break;
    if (message.trade) Remember(*message.trade);
    faults_.Pass(message, now_us, send);
  }
  faults_.Release(now_us, source_->finished(), send);
  status_.finished = source_->finished();
  EndBatch();
  return more;
}

void Venue::Remember(const VenueTrade& trade) {
  std::deque<VenueTrade>& history = history_[trade.symbol];
  if (options_.history_trades_max == 0) return;
  if (history.size() == options_.history_trades_max) history.pop_front();
  history.push_back(trade);
}

void Venue::Send(const VenueMessage& message) {
  const std::vector<Listener>& listeners = listeners_[message.stream];
  if (listeners.empty() || mute_) {
    ++status_.without_client;
    return;
  }
  Deliver(message, listeners);
  if (!message.trade) {
    ++status_.others_sent;
    return;
  }
  ++status_.trades_sent;
  ledger_.Append(source_->streams()[message.stream], *message.trade, status_.trades_sent);
}

void Venue::Deliver(const VenueMessage& message, const std::vector<Listener>& listeners) {
  TimeUnit made = listeners.front().unit;
  MakeFrame(message, made);
  for (const Listener& listener : listeners) {
    if (listener.unit != made) MakeFrame(message, made = listener.unit);
    listener.client->Queue(frame_);
  }
}

void Venue::MakeFrame(const VenueMessage& message, TimeUnit unit) {
  frame_.clear();
  if (!message.recorded_text.empty()) {
    AppendTextFrame(message.recorded_text, &frame_);
    return;
  }
  text_.clear();
  const VenueTrade& trade = *message.trade;
  AppendTradeText(source_->streams()[message.stream], symbol_names_[trade.symbol], trade, unit,
                  &text_);
  AppendTextFrame(text_, &frame_);
}

void Venue::EndBatch() {
  size_t most = 0;
  for (const auto& [client, streams] : clients_) {
    client->Flush();
    most = std::max(most, client->queued_bytes());
  }
  if (const absl::Status status = ledger_.Flush(); !status.ok()) {
    metrics_->LedgerFailed();
    Log(kError, "the ledger cannot be written", {{"error", status}});
  }
  metrics_->BytesQueued(most);
  metrics_->TradesSent(status_.trades_sent - counted_.trades_sent);
  metrics_->OtherMessagesSent(status_.others_sent - counted_.others_sent);
  metrics_->MessagesWithoutClient(status_.without_client - counted_.without_client);
  metrics_->Duplicated(faults_.duplicated());
  metrics_->Reordered(faults_.reordered());
  metrics_->Skipped(faults_.skipped());
  counted_ = status_;
}

VenueStatus Venue::status() const {
  return status_;
}

const std::deque<VenueTrade>* Venue::History(std::string_view symbol) const {
  const auto found = symbol_index_.find(std::string(symbol));
  return found == symbol_index_.end() ? nullptr : &history_[found->second];
}

}  // namespace quantstream::simulator
