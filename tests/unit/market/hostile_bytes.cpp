#include "tests/unit/market/hostile_bytes.h"

namespace quantstream::test {
namespace {

constexpr int kGroupDepthMax = 3;

class MessageWriter {
 public:
  MessageWriter(Random& random, uint64_t malice) : random_(random), malice_(malice) {}

  std::string Message(const Schema& schema) {
    std::string out;
    const int fields = random_.Between(0, 2 * static_cast<int>(schema.size()) + 1);
    for (int i = 0; i < fields; ++i) AppendField(schema, out);
    if (Malicious()) out.resize(out.size() - random_.Below(out.size() + 1));
    return out;
  }

 private:
  bool Malicious() { return malice_ != 0 && random_.OneIn(malice_); }

  void AppendField(const Schema& schema, std::string& out) {
    if (Malicious()) {
      AppendIllegal(out);
    } else if (random_.OneIn(12)) {
      AppendUnknown(static_cast<uint32_t>(1 + random_.Below(1 + (random_.AnyWidth() >> 35))), 0,
                    out);
    } else if (random_.OneIn(20)) {
      AppendUnknown(random_.Pick(schema).number, 0, out);
    } else {
      AppendKnown(random_.Pick(schema), out);
    }
  }

  void AppendKnown(const Field& field, std::string& out) {
    switch (field.kind) {
      case FieldKind::kVarint:
        AppendTag(field.number, 0, out);
        return AppendVarint(random_.OneIn(2) ? random_.Below(4) : random_.AnyWidth(), 10, out);
      case FieldKind::kFixed64:
        AppendTag(field.number, 1, out);
        out += random_.Bytes(8);
        return;
      case FieldKind::kText:
        return AppendBytes(field.number, AnyText(random_, !Malicious()), out);
      case FieldKind::kBytes:
        return AppendBytes(field.number, random_.Bytes(random_.Below(34)), out);
      case FieldKind::kMessage:
        return AppendBytes(field.number, Message(*field.message), out);
    }
  }

  void AppendUnknown(uint32_t number, int depth, std::string& out) {
    const int type = random_.Between(0, depth < kGroupDepthMax ? 4 : 3);
    if (type == 4) return AppendGroup(number, depth, out);
    AppendTag(number, type == 3 ? 5 : static_cast<uint32_t>(type), out);
    if (type == 0) AppendVarint(random_.AnyWidth(), 10, out);
    if (type == 1) out += random_.Bytes(8);
    if (type == 2) {
      const std::string bytes = random_.Bytes(random_.Below(20));
      AppendVarint(bytes.size(), 5, out);
      out += bytes;
    }
    if (type == 3) out += random_.Bytes(4);
  }

  void AppendGroup(uint32_t number, int depth, std::string& out) {
    AppendTag(number, 3, out);
    for (int i = random_.Between(0, 3); i > 0; --i) {
      AppendUnknown(static_cast<uint32_t>(random_.Between(1, 40)), depth + 1, out);
    }
    if (Malicious()) number = static_cast<uint32_t>(random_.Between(0, 40));
    if (!Malicious()) AppendTag(number, 4, out);
  }

  void AppendIllegal(std::string& out) {
    switch (random_.Below(7)) {
      case 0:
        return AppendTag(0, static_cast<uint32_t>(random_.Below(8)), out);
      case 1:
        return AppendTag(static_cast<uint32_t>(random_.Between(1, 20)),
                         static_cast<uint32_t>(random_.Between(4, 7)), out);
      case 2:
        out += std::string(random_.Below(12), '\xFF');
        return;
      case 3:
        AppendTag(static_cast<uint32_t>(random_.Between(1, 20)), 2, out);
        return AppendVarint(random_.AnyWidth(), 10, out);
      case 4:
        out += std::string(random_.Between(95, 105), '\x0B');
        return;
      case 5:
        return AppendDeepGroups(random_.Between(96, 102), out);
      default:
        out += random_.Bytes(random_.Below(4));
    }
  }

  void AppendDeepGroups(int depth, std::string& out) {
    out += std::string(static_cast<size_t>(depth), '\xA3');
    for (size_t i = out.size() - static_cast<size_t>(depth); i < out.size(); i += 2) {
      out.insert(i + 1, 1, '\x06');
    }
    for (int i = 0; i < depth; ++i) out += "\xA4\x06";
  }

  void AppendBytes(uint32_t number, const std::string& bytes, std::string& out) {
    AppendTag(number, 2, out);
    uint64_t size = bytes.size();
    if (Malicious()) size += random_.Below(3);
    AppendVarint(size, 5, out);
    out += bytes;
  }

  void AppendTag(uint32_t number, uint32_t type, std::string& out) {
    AppendVarint(number << 3 | type, 5, out);
  }

  // Mostly the shortest form; sometimes longer than need be, up to `bytes_max` or one too many.
  void AppendVarint(uint64_t value, int bytes_max, std::string& out) {
    int length = 1;
    while (length < 10 && value >> (7 * length) != 0) ++length;
    if (random_.OneIn(30) && length < bytes_max) length = random_.Between(length, bytes_max);
    if (Malicious()) length = bytes_max + random_.Between(0, 1);
    for (int i = 0; i < length; ++i) {
      uint64_t seven = i < 10 ? value >> (7 * i) & 0x7F : 0;
      if (i + 1 == length && Malicious()) seven = random_.Below(128);
      out += static_cast<char>(seven | (i + 1 < length ? 0x80 : 0));
    }
  }

  Random& random_;
  const uint64_t malice_;
};

}  // namespace

std::string HostileMessage(Random& random, const Schema& schema, uint64_t malice) {
  return MessageWriter(random, malice).Message(schema);
}

std::string Mutated(Random& random, std::string bytes) {
  for (int changes = random.Between(1, 3); changes > 0; --changes) {
    const size_t at = random.Below(bytes.size() + 1);
    const size_t length = random.Below(9);
    switch (random.Below(6)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random.Bits());
        break;
      case 1:
        if (at < bytes.size()) bytes[at] = static_cast<char>(bytes[at] ^ 1 << random.Below(8));
        break;
      case 2:
        bytes.erase(at, length);
        break;
      case 3:
        bytes.insert(at, random.Bytes(length));
        break;
      case 4:
        bytes.insert(random.Below(bytes.size() + 1), bytes.substr(at, 8 * length));
        break;
      default:
        bytes.resize(at);
    }
  }
  return bytes;
}

std::string AnyText(Random& random, bool valid) {
  static const std::vector<std::string> kValid = {"a",
                                                  "BTC-USDT",
                                                  std::string(1, '\0'),
                                                  "\x7F",
                                                  "\xC2\x80",
                                                  "\xDF\xBF",
                                                  "\xE0\xA0\x80",
                                                  "\xED\x9F\xBF",
                                                  "\xEE\x80\x80",
                                                  "\xEF\xBF\xBF",
                                                  "\xF0\x90\x80\x80",
                                                  "\xF4\x8F\xBF\xBF"};
  static const std::vector<std::string> kBroken = {"\x80",
                                                   "\xBF",
                                                   "\xC0\x80",
                                                   "\xC1\xBF",
                                                   "\xC2",
                                                   "\xC2\x41",
                                                   "\xE0\x9F\xBF",
                                                   "\xED\xA0\x80",
                                                   "\xED\xBF\xBF",
                                                   "\xE1\x80",
                                                   "\xE1\x80\x41",
                                                   "\xF0\x8F\xBF\xBF",
                                                   "\xF4\x90\x80\x80",
                                                   "\xF5\x80\x80\x80",
                                                   "\xF1\x80\x80",
                                                   "\xF8\x88\x80\x80\x80",
                                                   "\xFE",
                                                   "\xFF"};
  std::string text = random.TextOf("abcdefgh", random.Below(12));
  for (int i = random.Between(0, 2); i > 0; --i) text += random.Pick(kValid);
  if (!valid) text.insert(random.Below(text.size() + 1), random.Pick(kBroken));
  return text;
}

}  // namespace quantstream::test
