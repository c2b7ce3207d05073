// One recorded file as a sequence of frames with the times they were received. Formats are found by
// their first lines: frames with nanoseconds (`1723161254087896568 {…}`), with seconds
// (`1626992742.33: {…}`, and lines of what the client sent, passed over), bare frames one a line,
// and the CSV trades of venue/csv.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ingest/line_reader.h"
#include "ingest/symbols.h"
#include "ingest/venue/csv/csv_trades.h"
#include "ingest/venue/decoder.h"
#include "market/time.h"

namespace quantstream::ingest {

enum class RecordingFormat : uint8_t {
  kFramesNanoseconds,
  kFramesSeconds,
  kFramesBare,
  kSymbolRows,
  kBitcoinchartsRows,
  kStockTickRows,
};

// What a line tells about its file; nothing when it could stand in any.
std::optional<RecordingFormat> FormatOf(std::string_view line);

struct RecordingOptions {
  std::string path;
  std::string symbol;  // of CSV files that name none; empty = from the file's name
  std::function<std::unique_ptr<Decoder>()> make_decoder;  // for frames
};

struct RecordedFrame {
  EventTime received;
  std::string_view bytes;
};

class Recording {
 public:
  // CSV rows that are not in order of time are sorted within so many.
  static constexpr size_t kSortedRows = 500'000;

  // Errors: the file cannot be read, its format is not known, its name does not tell the symbol or
  // the day. `symbols` outlives the recording's decoder.
  static absl::StatusOr<std::unique_ptr<Recording>> Open(const RecordingOptions& options,
                                                         SymbolTable& symbols);

  // False at the end. Valid until the next call. A line without a legal time has that of the one
  // before.
  bool Next(RecordedFrame* frame);
  // DATA_LOSS: the file was damaged or cut off.
  absl::Status status() const { return reader_->status(); }
  bool csv() const { return rows_ != nullptr; }
  // For the frames of Next; once.
  std::unique_ptr<Decoder> TakeDecoder() { return std::move(decoder_); }
  const std::string& name() const { return reader_->name(); }

 private:
  struct Row {
    EventTime time;
    std::string text;
  };

  Recording(std::unique_ptr<LineReader> reader, RecordingFormat format);
  bool NextLine(std::string_view* line);
  bool Split(std::string_view line, RecordedFrame* frame);
  bool NextRow(RecordedFrame* frame);
  void LoadRows();

  std::unique_ptr<LineReader> reader_;
  RecordingFormat format_;
  std::unique_ptr<Decoder> decoder_;
  const CsvTrades* rows_ = nullptr;       // the decoder, of a CSV file
  std::vector<std::string> first_lines_;  // read to find the format
  size_t first_line_ = 0;
  EventTime last_time_;
  std::vector<Row> sorted_;
  size_t next_row_ = 0;
};

}  // namespace quantstream::ingest
