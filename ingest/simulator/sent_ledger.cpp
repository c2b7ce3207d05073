#include "ingest/simulator/sent_ledger.h"

#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "ingest/simulator/frame_text.h"

namespace quantstream::simulator {

absl::StatusOr<SentLedger> SentLedger::Open(const std::string& path) {
  if (path.empty()) return SentLedger(File(nullptr));
  File file(std::fopen(path.c_str(), "ae"));
  if (file == nullptr) return absl::ErrnoToStatus(errno, absl::StrCat("ledger_file ", path));
  std::setvbuf(file.get(), nullptr, _IONBF, 0);  // lines are gathered in lines_
  std::fseek(file.get(), 0, SEEK_END);
  const bool is_new = std::ftell(file.get()) == 0;
  SentLedger ledger(std::move(file));
  if (is_new) ledger.lines_ = "stream,id,time,price,qty,seq,buyer_is_maker\n";
  if (absl::Status status = ledger.Flush(); !status.ok()) return status;
  return ledger;
}

void SentLedger::Append(std::string_view stream, const VenueTrade& trade, uint64_t seq) {
  if (file_ == nullptr) return;
  lines_.append(stream).push_back(',');
  AppendInteger(static_cast<int64_t>(trade.id), &lines_);
  lines_.push_back(',');
  AppendInteger(trade.time_ms, &lines_);
  lines_.push_back(',');
  AppendFixed(trade.price, 8, &lines_);
  lines_.push_back(',');
  AppendFixed(trade.quantity, 8, &lines_);
  lines_.push_back(',');
  AppendInteger(static_cast<int64_t>(seq), &lines_);
  lines_.append(trade.buyer_is_maker ? ",true\n" : ",false\n");
}

absl::Status SentLedger::Flush() {
  if (file_ == nullptr || lines_.empty()) return absl::OkStatus();
  const size_t written = std::fwrite(lines_.data(), 1, lines_.size(), file_.get());
  const bool whole = written == lines_.size();
  lines_.clear();
  return whole ? absl::OkStatus() : absl::ErrnoToStatus(errno, "ledger_file");
}

}  // namespace quantstream::simulator
