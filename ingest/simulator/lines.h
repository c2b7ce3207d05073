// Reads a text file line by line, gzipped or not.
#pragma once

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct gzFile_s;

namespace quantstream::simulator {

class LineReader {
 public:
  static constexpr size_t kLineBytesMax = 4 << 20;

  static absl::StatusOr<LineReader> Open(const std::string& path);

  // The next line without its end; false at the end of the file or on an error.
  bool Next(std::string* line);
  // What ended it: damaged data, a line that is too long, or nothing.
  const absl::Status& status() const { return status_; }

 private:
  struct Closer {
    void operator()(gzFile_s* file) const;
  };
  LineReader(std::string path, gzFile_s* file) : path_(std::move(path)), file_(file) {}

  std::string path_;
  std::unique_ptr<gzFile_s, Closer> file_;
  absl::Status status_;
};

}  // namespace quantstream::simulator
