#include "ingest/simulator/lines.h"

#include <zlib.h>

#include <cerrno>

#include "absl/strings/str_cat.h"

namespace quantstream::simulator {

void LineReader::Closer::operator()(gzFile_s* file) const {
  gzclose(file);
}

absl::StatusOr<LineReader> LineReader::Open(const std::string& path) {
  errno = 0;
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::ErrnoToStatus(errno, path);
  gzbuffer(file, 1 << 17);
  return LineReader(path, file);
}

bool LineReader::Next(std::string* line) {
  line->clear();
  char chunk[16384];
  while (gzgets(file_.get(), chunk, sizeof chunk) != nullptr) {
    line->append(chunk);
    if (line->back() == '\n') {
      line->pop_back();
      if (!line->empty() && line->back() == '\r') line->pop_back();
      return true;
    }
    if (line->size() > kLineBytesMax) {
      status_ = absl::ResourceExhaustedError(absl::StrCat(path_, ": a line is too long"));
      return false;
    }
  }
  int error = 0;
  const char* message = gzerror(file_.get(), &error);
  if (error != Z_OK && error != Z_STREAM_END) {
    status_ = absl::DataLossError(absl::StrCat(path_, ": ", message));
    return false;
  }
  return !line->empty();
}

}  // namespace quantstream::simulator
