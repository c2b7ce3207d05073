// Lines of a file: plain, .gz, or the first member of a .zip, as they are. Bounded memory.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace quantstream::ingest {

// Gives decompressed bytes in pieces.
class ByteSource {
 public:
  virtual ~ByteSource() = default;
  // Fills up to `size` bytes; 0 = the end, also after an error.
  virtual size_t Read(char* out, size_t size) = 0;
  // DATA_LOSS: the file is damaged or cut off; what came before is good.
  virtual absl::Status status() const = 0;
};

class LineReader {
 public:
  static constexpr size_t kLineBytesMax = 16 << 20;  // what is longer is cut there

  // NOT_FOUND, or INVALID_ARGUMENT for a .zip that holds nothing to read.
  static absl::StatusOr<std::unique_ptr<LineReader>> Open(const std::string& path);

  // False at the end. The line, without its newline, is valid until the next call.
  bool Next(std::string_view* line);
  absl::Status status() const { return source_->status(); }
  // Name of the file inside the .zip, else of the file itself; without folders.
  const std::string& name() const { return name_; }

 private:
  LineReader(std::unique_ptr<ByteSource> source, std::string name);
  bool Fill();

  std::unique_ptr<ByteSource> source_;
  std::string name_;
  std::string buffer_;
  size_t begin_ = 0;  // of what was not given out yet
  size_t end_ = 0;
  bool cut_ = false;  // the rest of a line that was too long is passed over
};

}  // namespace quantstream::ingest
