#include "ingest/line_reader.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"

namespace quantstream::ingest {
namespace {

constexpr size_t kPiece = 256 * 1024;

std::string BaseName(const std::string& path) {
  return path.substr(path.rfind('/') + 1);
}

// zlib's gzread also passes plain files through.
class GzipSource final : public ByteSource {
 public:
  explicit GzipSource(gzFile file) : file_(file) { gzbuffer(file_, kPiece); }
  ~GzipSource() override { gzclose(file_); }

  size_t Read(char* out, size_t size) override {
    const int got = gzread(file_, out, static_cast<unsigned>(size));
    int error = Z_OK;
    const char* const text = gzerror(file_, &error);
    if (error != Z_OK && status_.ok()) status_ = absl::DataLossError(absl::StrCat("gzip: ", text));
    return got > 0 ? static_cast<size_t>(got) : 0;
  }
  absl::Status status() const override { return status_; }

 private:
  gzFile file_;
  absl::Status status_;
};

// The first member of a .zip, from its local header on.
class ZipSource final : public ByteSource {
 public:
  static absl::StatusOr<std::unique_ptr<ZipSource>> Open(const std::string& path) {
    std::unique_ptr<ZipSource> source(new ZipSource);
    source->file_.open(path, std::ios::binary);
    std::array<unsigned char, 30> header{};
    source->file_.read(reinterpret_cast<char*>(header.data()), header.size());
    const auto word = [&](size_t at) { return header[at] | header[at + 1] << 8; };
    if (!source->file_ || std::memcmp(header.data(), "PK\3\4", 4) != 0) {
      return absl::InvalidArgumentError("no member in this .zip");
    }
    if (word(8) != 8 || (word(6) & 1) != 0) {
      return absl::InvalidArgumentError("the .zip's first member is not plainly deflated");
    }
    source->name_.resize(static_cast<size_t>(word(26)));
    source->file_.read(source->name_.data(), word(26));
    source->file_.ignore(word(28));
    return source;
  }
  ~ZipSource() override { inflateEnd(&stream_); }

  size_t Read(char* out, size_t size) override {
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = static_cast<uInt>(size);
    while (stream_.avail_out > 0 && !ended_) Inflate();
    return size - stream_.avail_out;
  }
  absl::Status status() const override { return status_; }
  const std::string& name() const { return name_; }

 private:
  ZipSource() : input_(kPiece, '\0') { inflateInit2(&stream_, -MAX_WBITS); }

  void Inflate() {
    if (stream_.avail_in == 0) {
      file_.read(input_.data(), static_cast<std::streamsize>(input_.size()));
      stream_.next_in = reinterpret_cast<Bytef*>(input_.data());
      stream_.avail_in = static_cast<uInt>(file_.gcount());
    }
    const int result = stream_.avail_in == 0 ? Z_BUF_ERROR : inflate(&stream_, Z_NO_FLUSH);
    if (result == Z_OK) return;
    ended_ = true;
    if (result != Z_STREAM_END) status_ = absl::DataLossError("zip: damaged or cut off");
  }

  std::ifstream file_;
  std::string name_;
  std::string input_;
  z_stream stream_{};
  bool ended_ = false;
  absl::Status status_;
};

}  // namespace

LineReader::LineReader(std::unique_ptr<ByteSource> source, std::string name)
    : source_(std::move(source)), name_(BaseName(name)), buffer_(kPiece, '\0') {}

absl::StatusOr<std::unique_ptr<LineReader>> LineReader::Open(const std::string& path) {
  if (!std::ifstream(path).good()) {
    return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  }
  if (path.ends_with(".zip")) {
    auto source = ZipSource::Open(path);
    if (!source.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, ": ", std::string(source.status().message())));
    }
    const std::string name = (*source)->name();
    return std::unique_ptr<LineReader>(new LineReader(*std::move(source), name));
  }
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be opened"));
  return std::unique_ptr<LineReader>(new LineReader(std::make_unique<GzipSource>(file), path));
}

bool LineReader::Fill() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) buffer_.resize(buffer_.size() * 2);
  const size_t got = source_->Read(buffer_.data() + end_, buffer_.size() - end_);
  end_ += got;
  return got > 0;
}

bool LineReader::Next(std::string_view* line) {
  size_t searched = 0;
  while (true) {
    const std::string_view rest(buffer_.data() + begin_, end_ - begin_);
    const size_t newline = rest.find('\n', searched);
    if (newline != std::string_view::npos) {
      begin_ += newline + 1;
      if (std::exchange(cut_, false)) {
        searched = 0;
        continue;
      }
      *line = rest.substr(0, newline);
      return true;
    }
    searched = rest.size();
    if (rest.size() >= kLineBytesMax || cut_) {
      begin_ = end_;
      searched = 0;
      if (!std::exchange(cut_, true)) {
        *line = rest;
        return true;
      }
    }
    if (Fill()) continue;
    const std::string_view last(buffer_.data() + begin_, end_ - begin_);
    begin_ = end_;
    if (last.empty() || cut_) return false;
    *line = last;
    return true;
  }
}

}  // namespace quantstream::ingest
