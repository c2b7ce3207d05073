// The plain reference: a set of trades -> candles. As naive as possible; nothing of the processor
// in it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "market/candle.h"
#include "processor/fold_options.h"
#include "tests/simulation/fold/sim_log.h"

namespace quantstream::processor::simulation {

class Reference {
 public:
  Reference(const SimLog& log, FoldOptions options);

  // The candle of the trades in records [0, records); null when there is none. Only values and the
  // GAP_SUSPECTED mark are set.
  const Candle* At(const CandleKey& key, int64_t records);
  // Every candle of the whole log.
  std::map<CandleKey, Candle> All();
  // Did an id come again with another time? Then a revised 1 s candle may lack its volatility.
  bool restamped() const { return restamped_; }

 private:
  struct Accepted {
    int64_t record = 0;
    OrderKey key;
    std::string text_id;
    Decimal price;
    Decimal quantity;
    Side side = Side::kUnspecified;
    uint64_t count = 1;
    uint64_t id = 0;
  };

  void Accept(const SimRecord& record, int64_t offset);
  std::optional<Candle> Make(const CandleKey& key, int64_t records) const;
  static CandleValues ValuesOf(const std::vector<const Accepted*>& trades, Interval interval);
  bool IsSuspect(const std::string& instrument, const std::vector<const Accepted*>& inside,
                 int64_t records) const;

  const FoldOptions options_;
  int64_t records_ = 0;
  bool restamped_ = false;
  std::map<std::string, std::map<std::string, int64_t>> seen_;  // instrument -> identity -> time
  std::map<std::string, std::vector<Accepted>> accepted_;  // instrument -> first copies, by place
  std::map<std::pair<CandleKey, int64_t>, std::optional<Candle>> made_;
};

}  // namespace quantstream::processor::simulation
