#include "query/resume_token.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/wire_format_lite.h>

#include <limits>
#include <utility>

namespace quantstream::query {
namespace {

using google::protobuf::internal::WireFormatLite;
using google::protobuf::io::CodedInputStream;
using google::protobuf::io::CodedOutputStream;

constexpr std::string_view kForm = "r1";  // of the token; another one is refused
constexpr size_t kTextBytesMax = 256 << 10;

void Append(uint64_t number, std::string* out) {
  uint8_t buffer[10];
  const uint8_t* end = CodedOutputStream::WriteVarint64ToArray(number, buffer);
  out->append(reinterpret_cast<const char*>(buffer), static_cast<size_t>(end - buffer));
}

void AppendSigned(int64_t number, std::string* out) {
  Append(WireFormatLite::ZigZagEncode64(number), out);
}

// Reads what Append wrote; false at the end.
class Reader {
 public:
  explicit Reader(std::string_view bytes)
      : in_(reinterpret_cast<const uint8_t*>(bytes.data()), static_cast<int>(bytes.size())) {}

  bool Read(uint64_t* number) { return in_.ReadVarint64(number); }
  bool ReadSigned(int64_t* number) {
    uint64_t bits = 0;
    if (!Read(&bits)) return false;
    *number = WireFormatLite::ZigZagDecode64(bits);
    return true;
  }
  bool ReadInt(int32_t* number) {
    int64_t wide = 0;
    if (!ReadSigned(&wide) || wide < 0 || wide > std::numeric_limits<int32_t>::max()) return false;
    *number = static_cast<int32_t>(wide);
    return true;
  }
  bool ReadText(std::string* text) {
    uint64_t size = 0;
    return Read(&size) && size <= kTextBytesMax && in_.ReadString(text, static_cast<int>(size));
  }
  bool AtEnd() { return in_.ExpectAtEnd(); }

 private:
  CodedInputStream in_;
};

bool ReadPlaces(Reader* reader, ResumeToken* token) {
  uint64_t count = 0;
  if (!reader->Read(&count)) return false;
  for (; count > 0; --count) {
    int32_t partition = 0;
    int64_t mark = 0, position = 0;
    if (!reader->ReadInt(&partition) || !reader->ReadSigned(&mark) ||
        !reader->ReadSigned(&position)) {
      return false;
    }
    token->resume.marks[partition] = mark;
    token->positions[partition] = position;
  }
  return true;
}

bool ReadStarts(Reader* reader, ResumeToken* token) {
  uint64_t count = 0;
  if (!reader->Read(&count)) return false;
  for (; count > 0; --count) {
    int32_t seconds = 0;
    int64_t start = 0;
    if (!reader->ReadInt(&seconds) || !reader->ReadSigned(&start)) return false;
    token->resume.starts[Interval{seconds}] = EventTime{start};
  }
  return true;
}

// Of merged intervals; not there when a stream has none.
void AppendMerged(const Resume& resume, std::string* out) {
  if (resume.merged.empty()) return;
  Append(resume.required.size(), out);
  for (const auto& [partition, version] : resume.required) {
    AppendSigned(partition, out);
    AppendSigned(version, out);
  }
  Append(resume.merged.size(), out);
  for (const auto& [interval, at] : resume.merged) {
    Append(interval.size(), out);
    out->append(interval);
    AppendSigned(at.from.us, out);
    AppendSigned(at.closed_until.us, out);
  }
}

bool ReadMerged(Reader* reader, Resume* resume) {
  if (reader->AtEnd()) return true;
  uint64_t count = 0;
  if (!reader->Read(&count)) return false;
  for (; count > 0; --count) {
    int32_t partition = 0;
    int64_t version = 0;
    if (!reader->ReadInt(&partition) || !reader->ReadSigned(&version)) return false;
    resume->required[partition] = version;
  }
  if (!reader->Read(&count)) return false;
  for (; count > 0; --count) {
    std::string interval;
    MergedResume at;
    if (!reader->ReadText(&interval) || !reader->ReadSigned(&at.from.us) ||
        !reader->ReadSigned(&at.closed_until.us)) {
      return false;
    }
    resume->merged[interval] = at;
  }
  return true;
}

absl::Status NotOurs() {
  return absl::InvalidArgumentError("is not a resume_token of this service");
}

}  // namespace

std::string EncodeResumeToken(const TokenKey& key, const ResumeToken& token) {
  std::string bytes(kForm);
  Append(token.fingerprint, &bytes);
  AppendSigned(token.issued_at_s, &bytes);
  Append(token.resume.marks.size(), &bytes);
  for (const auto& [partition, mark] : token.resume.marks) {
    const auto position = token.positions.find(partition);
    AppendSigned(partition, &bytes);
    AppendSigned(mark, &bytes);
    AppendSigned(position == token.positions.end() ? 0 : position->second, &bytes);
  }
  Append(token.resume.starts.size(), &bytes);
  for (const auto& [interval, start] : token.resume.starts) {
    AppendSigned(interval.seconds, &bytes);
    AppendSigned(start.us, &bytes);
  }
  AppendMerged(token.resume, &bytes);
  return key.Seal(std::move(bytes));
}

absl::StatusOr<ResumeToken> DecodeResumeToken(const TokenKey& key, std::string_view text) {
  const auto bytes = key.Open(text, kTextBytesMax);
  if (!bytes || !bytes->starts_with(kForm)) return NotOurs();
  Reader reader(std::string_view(*bytes).substr(kForm.size()));
  ResumeToken token;
  if (!reader.Read(&token.fingerprint) || !reader.ReadSigned(&token.issued_at_s) ||
      !ReadPlaces(&reader, &token) || !ReadStarts(&reader, &token) ||
      !ReadMerged(&reader, &token.resume) || !reader.AtEnd()) {
    return NotOurs();
  }
  return token;
}

}  // namespace quantstream::query
