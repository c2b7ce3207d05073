#include "ingest/simulator/control.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "ingest/simulator/market_model.h"
#include "ingest/simulator/requests.h"

namespace quantstream::simulator {
namespace {

HttpAnswer Done() {
  return {200, R"({"ok":true})"};
}

HttpAnswer Refuse(std::string_view what) {
  return {400, absl::StrCat(R"({"ok":false,"error":")", std::string(what), "\"}")};
}

HttpAnswer Status(const Venue& venue, const Faults& faults, size_t clients) {
  const VenueStatus status = venue.status();
  const auto truth = [](bool value) { return value ? "true" : "false"; };
  return {200, absl::StrCat(R"({"trades_sent":)", status.trades_sent, R"(,"others_sent":)",
                            status.others_sent, R"(,"without_client":)", status.without_client,
                            R"(,"clients":)", clients, R"(,"duplicated":)", faults.duplicated(),
                            R"(,"reordered":)", faults.reordered(), R"(,"skipped":)",
                            faults.skipped(), R"(,"started":)", truth(status.started),
                            R"(,"finished":)", truth(status.finished), "}")};
}

bool ReadReal(std::string_view target, std::string_view key, double minimum, double maximum,
              double* value) {
  const std::string text = QueryValue(target, key);
  if (text.empty()) return true;
  return absl::SimpleAtod(text, value) && *value >= minimum && *value <= maximum;
}

HttpAnswer SetFaults(Faults& faults, std::string_view target) {
  FaultRates rates;
  double bound = rates.reorder_bound;
  if (!ReadReal(target, "duplicate", 0, 1, &rates.duplicate) ||
      !ReadReal(target, "reorder", 0, 1, &rates.reorder) ||
      !ReadReal(target, "skip", 0, 1, &rates.skip) ||
      !ReadReal(target, "reorder_bound", 1, 10'000, &bound)) {
    return Refuse("shares are numbers from 0 to 1, reorder_bound is 1 to 10000");
  }
  rates.reorder_bound = static_cast<int>(bound);
  faults.SetRates(rates);
  return Done();
}

HttpAnswer SetRate(Venue& venue, std::string_view target) {
  double rate = 0;
  auto* model = dynamic_cast<MarketModel*>(&venue.source());
  if (model == nullptr) return Refuse("a recording has no rate");
  if (!ReadReal(target, "trades_per_s", 1, 100'000, &rate) || rate < 1) {
    return Refuse("trades_per_s is a number from 1 to 100000");
  }
  model->SetRate(rate);
  return Done();
}

HttpAnswer Skip(Faults& faults, std::string_view target) {
  uint64_t count = 0;
  if (!absl::SimpleAtoi(QueryValue(target, "count"), &count) || count > 1'000'000) {
    return Refuse("count is a number from 0 to 1000000");
  }
  faults.SkipNext(count);
  return Done();
}

HttpAnswer Shutdown(ClientControl& clients, std::string_view target) {
  double after_ms = 1000;
  if (!ReadReal(target, "after_ms", 0, 600'000, &after_ms)) {
    return Refuse("after_ms is a number from 0 to 600000");
  }
  clients.AnnounceShutdown(static_cast<int64_t>(after_ms));
  return Done();
}

HttpAnswer Disconnect(ClientControl& clients, std::string_view target) {
  const std::string mode = QueryValue(target, "mode");
  if (!mode.empty() && mode != "abort" && mode != "close") return Refuse("mode is abort or close");
  clients.DisconnectAll(mode != "close");
  return Done();
}

}  // namespace

HttpAnswer AnswerControl(Venue& venue, ClientControl& clients, bool is_post,
                         std::string_view target, std::string_view body) {
  const std::string_view path = target.substr(0, target.find('?'));
  if (path == "/control/status") return Status(venue, venue.faults(), clients.clients());
  if (!is_post) return {405, R"({"ok":false,"error":"use POST"})"};
  if (path == "/control/disconnect") return Disconnect(clients, target);
  if (path == "/control/shutdown") return Shutdown(clients, target);
  if (path == "/control/faults") return SetFaults(venue.faults(), target);
  if (path == "/control/skip") return Skip(venue.faults(), target);
  if (path == "/control/rate") return SetRate(venue, target);
  if (path == "/control/pause" || path == "/control/resume") {
    venue.Pause(path == "/control/pause");
    return Done();
  }
  if (path == "/control/mute" || path == "/control/unmute") {
    venue.Mute(path == "/control/mute");
    return Done();
  }
  if (path == "/control/send") {
    clients.SendToAll(body);
    return Done();
  }
  return {404, R"({"ok":false,"error":"no such control"})"};
}

}  // namespace quantstream::simulator
