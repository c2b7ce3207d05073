#include "tests/simulation/fold/sim_log.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>
#include <variant>

namespace quantstream::processor::simulation {

namespace {

constexpr int64_t kBegin = 1'000;  // venue time of tick 0
constexpr int64_t kAhead = 50;

using Body = std::variant<SimTrade, SimBeat>;

struct Event {
  int64_t arrival;
  uint64_t tie;
  Body body;
  bool operator<(const Event& other) const {
    return std::tie(arrival, tie) < std::tie(other.arrival, other.tie);
  }
};

struct Span {
  int64_t begin = 0;
  int64_t end = 0;
  bool Has(int64_t tick) const { return begin <= tick && tick < end; }
};

// One venue at one node.
struct Link {
  int64_t lag = 0;
  Span down;
  Span cut;
};

class Market {
 public:
  Market(Random& random, int64_t ticks, bool restamp)
      : random_(random), ticks_(ticks), restamp_(restamp) {
    serves_["a"] = Chance(random_, .4) ? std::vector<std::string>{"n1", "n2", "n3"}
                                       : std::vector<std::string>{"n1", "n2"};
    for (const char* venue : {"b", "c", "d", "e"}) serves_[venue] = {"n1"};
    for (const auto& [venue, nodes] : serves_) {
      for (const std::string& node : nodes) links_[{venue, node}] = RandomLink(node);
    }
  }

  SimLog Make() {
    const std::vector<std::vector<std::string>> sets = {
        {"a1"}, {"a1", "a2"}, {"a1", "b1", "c1"}, {"a1", "a2", "b1", "c1"}, {"a1", "d1", "e1"}};
    const std::vector<std::string>& instruments = Pick(random_, sets);
    const double rate = Pick(random_, std::vector<double>{.05, .15, .3, .5});
    std::map<std::string, int64_t> begin;
    for (const std::string& name : instruments) {
      begin[name] = Chance(random_, .33) ? ticks_ / 2 : 0;
      next_id_[name] = static_cast<uint64_t>(1 + Below(random_, 49));
    }
    for (int64_t now = 0; now < ticks_; ++now) {
      for (const std::string& name : instruments) {
        if (now >= begin[name] && Chance(random_, rate)) AddTrade(name, now);
      }
    }
    AddBeats();
    return Records();
  }

 private:
  Span RandomSpan(double probability, const std::vector<int64_t>& widths) {
    if (!Chance(random_, probability)) return {};
    const int64_t begin = Below(random_, ticks_);
    return {begin, begin + Pick(random_, widths)};
  }

  Link RandomLink(const std::string& node) {
    Link link;
    link.lag = Pick(random_, std::vector<int64_t>{0, 0, 2, 8, 25, 130});
    link.down = RandomSpan(.5, {5, 30, 90});
    link.cut = RandomSpan(.3, {10, 40});
    if (node == "n3") link.down = {-1, Below(random_, ticks_)};
    return link;
  }

  void Add(const std::string& node, int64_t arrival, Body body) {
    events_[node].push_back(Event{arrival, random_(), std::move(body)});
  }

  SimTrade RandomTrade(const std::string& name, int64_t now) {
    SimTrade trade;
    trade.venue = name.substr(0, 1);
    trade.symbol = name;
    next_id_[name] += Chance(random_, .9) ? 1 : 2;
    if (trade.venue == "e") next_id_[name] += static_cast<uint64_t>(Below(random_, 5));
    if (trade.venue == "d") trade.text_id = std::to_string(next_id_[name]) + "t";
    if (trade.venue != "c" && trade.venue != "d") trade.id = next_id_[name];
    trade.time = kBegin + now;
    if (Chance(random_, .23))
      trade.time += Pick(random_, std::vector<int64_t>{-3, -12, Below(random_, kAhead)});
    if (Chance(random_, .02)) trade.time += 500;
    trade.price = 95 + Below(random_, 11);
    trade.quantity = 1 + Below(random_, 8);
    if (name != "b1") trade.side = Chance(random_, .5) ? Side::kBuy : Side::kSell;
    return trade;
  }

  void AddTrade(const std::string& name, int64_t now) {
    SimTrade trade = RandomTrade(name, now);
    bool sent = false;
    for (const std::string& node : serves_[trade.venue]) {
      const Link& link = links_[{trade.venue, node}];
      const int64_t at = now + link.lag + Pick(random_, std::vector<int64_t>{0, 0, 1, 4});
      if (link.down.Has(at) || link.cut.Has(at) || !Chance(random_, .85)) continue;
      trade.receive = kBegin + at;
      Add(node, at, trade);
      sent = true;
    }
    if (sent && !Chance(random_, .15)) return;
    const int64_t at = now + Pick(random_, std::vector<int64_t>{10, 40, 150, 900});
    if (restamp_ && (trade.venue == "a" || trade.venue == "b")) {
      trade.time += Pick(random_, std::vector<int64_t>{-7, 3, 11});
    }
    trade.receive = kBegin + at;
    Add(Pick(random_, serves_[trade.venue]), at, trade);
  }

  void AddBeats() {
    const int64_t every = Pick(random_, std::vector<int64_t>{3, 6, 12});
    const int64_t horizon = ticks_ + 100;
    for (const auto& [venue, nodes] : serves_) {
      for (const std::string& node : nodes) {
        const Link& link = links_[{venue, node}];
        for (int64_t now = Below(random_, every); now < horizon; now += every) {
          if (link.down.Has(now)) continue;
          SimBeat beat{venue, kBegin + (link.cut.Has(now) ? link.cut.begin : now) - link.lag - 1};
          if (node == "n3" && now < link.down.end + 6) beat.time.reset();
          Add(node, now, beat);
        }
      }
      for (int64_t now : {horizon + 60, horizon + 61, int64_t{2'000}}) {
        Add(nodes[0], now, SimBeat{venue, kBegin + now + 900});
      }
    }
  }

  // What a node received, in records of up to 6 trades and 2 heartbeats.
  std::vector<std::pair<int64_t, SimRecord>> Batches(std::vector<Event> events) {
    std::sort(events.begin(), events.end());
    const int64_t linger = Pick(random_, std::vector<int64_t>{0, 2, 8, 20, 40});
    std::vector<std::pair<int64_t, SimRecord>> out;
    int64_t began = 0;
    size_t trades_max = 0;
    for (const Event& event : events) {
      const bool is_trade = std::holds_alternative<SimTrade>(event.body);
      const bool full = !out.empty() && (is_trade ? out.back().second.trades.size() >= trades_max
                                                  : out.back().second.beats.size() >= 2);
      if (out.empty() || event.arrival - began > linger || full) {
        out.emplace_back();
        began = event.arrival;
        trades_max = static_cast<size_t>(1 + Below(random_, 6));
      }
      out.back().first = event.arrival;
      if (is_trade) out.back().second.trades.push_back(std::get<SimTrade>(event.body));
      if (!is_trade) out.back().second.beats.push_back(std::get<SimBeat>(event.body));
    }
    for (auto& [at, record] : out) Disturb(record.trades);
    return out;
  }

  void Disturb(std::vector<SimTrade>& trades) {
    if (!trades.empty() && (trades[0].id != 0 || !trades[0].text_id.empty()) &&
        Chance(random_, .1)) {
      SimTrade other = trades[0];
      ++other.price;
      if (restamp_ && (other.venue == "a" || other.venue == "b")) {
        other.time += Pick(random_, std::vector<int64_t>{-7, 3, 11});
      }
      trades.push_back(other);
    }
    if (Chance(random_, .3)) std::shuffle(trades.begin(), trades.end(), random_);
  }

  SimLog Records() {
    std::vector<std::tuple<int64_t, uint64_t, SimRecord>> sent;
    for (auto& [node, events] : events_) {
      const int64_t restart = links_[{"a", node}].down.end;
      std::map<uint64_t, uint64_t> sequences;
      for (auto& [at, record] : Batches(std::move(events))) {
        record.node = node;
        record.session = restart > 0 && at >= restart ? 2 : 1;
        record.sequence = sequences[record.session]++;
        const bool again = at < ticks_ + 100 && Chance(random_, .1);
        if (again)
          sent.emplace_back(at + Pick(random_, std::vector<int64_t>{1, 10, 60, 400}), random_(),
                            record);
        if (!again || Chance(random_, .5)) sent.emplace_back(at, random_(), record);
      }
    }
    std::sort(sent.begin(), sent.end(), [](const auto& x, const auto& y) {
      return std::tie(std::get<0>(x), std::get<1>(x)) < std::tie(std::get<0>(y), std::get<1>(y));
    });
    SimLog log;
    for (auto& [at, tie, record] : sent) {
      record.log_time = at;
      log.push_back(std::move(record));
    }
    return log;
  }

  Random& random_;
  const int64_t ticks_;
  const bool restamp_;
  std::map<std::string, std::vector<std::string>> serves_;  // venue -> nodes
  std::map<std::pair<std::string, std::string>, Link> links_;
  std::map<std::string, uint64_t> next_id_;
  std::map<std::string, std::vector<Event>> events_;  // per node
};

Trade ToTrade(const SimTrade& from) {
  Trade trade;
  trade.venue = from.venue;
  trade.symbol = from.symbol;
  trade.price = Decimal{from.price, 0};
  trade.quantity = Decimal{from.quantity, 0};
  trade.venue_time = EventTime{from.time * kTick_us};
  trade.receive_time = EventTime{from.receive * kTick_us};
  trade.aggressor_side = from.side;
  trade.id = from.id;
  trade.text_id = from.text_id;
  trade.count = from.count;
  return trade;
}

}  // namespace

TradeBatch SimRecord::ToBatch() const {
  TradeBatch batch;
  batch.node = node;
  batch.session = session;
  batch.sequence = sequence;
  for (const SimTrade& trade : trades) batch.trades.push_back(ToTrade(trade));
  for (const SimBeat& beat : beats) {
    Heartbeat heartbeat;
    heartbeat.venue = beat.venue;
    if (beat.time) heartbeat.venue_time = EventTime{*beat.time * kTick_us};
    heartbeat.connected = true;
    heartbeat.held = beat.held;
    heartbeat.finished = beat.finished;
    batch.heartbeats.push_back(heartbeat);
  }
  return batch;
}

FoldOptions SimOptions(std::vector<Interval> intervals) {
  FoldOptions options;
  options.retention_us.assign(intervals.size(), 0);
  options.intervals = std::move(intervals);
  options.contiguous_id_venues = {"a", "b"};
  options.future_bound_us = kAhead * kTick_us;
  return options;
}

SimLog RandomLog(Random& random, int64_t ticks, bool restamp) {
  return Market(random, ticks, restamp).Make();
}

void LetLogTimesGoBack(Random& random, SimLog& log) {
  for (SimRecord& record : log) {
    if (Chance(random, .3)) record.log_time -= Below(random, 120);
  }
}

}  // namespace quantstream::processor::simulation
