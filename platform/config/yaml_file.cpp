#include "platform/config/yaml_file.h"

#include <yaml-cpp/yaml.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>

namespace quantstream::config {
namespace {

constexpr size_t kFileBytesMax = 4 << 20;

int LineOf(const YAML::Node& node) {
  return node.Mark().line + 1;
}

class Reader {
 public:
  Reader(YamlFile* file, Problems* problems) : file_(file), problems_(problems) {}

  void ReadTop(const YAML::Node& top) {
    if (top.IsNull()) return;
    if (!top.IsMap()) return Complain(LineOf(top), "the top level must be a map of options");
    std::map<std::string, int> first_line;
    for (const auto& pair : top) {
      if (!pair.first.IsScalar()) {
        Complain(LineOf(pair.first), "a key must be plain text");
        continue;
      }
      const auto [it, fresh] = first_line.try_emplace(pair.first.Scalar(), LineOf(pair.first));
      if (!fresh) {
        Complain(LineOf(pair.first), "key '" + it->first + "' is given twice, first in line " +
                                         std::to_string(it->second));
        continue;
      }
      ReadEntry(pair.first, pair.second);
    }
  }

 private:
  void Complain(int line, const std::string& what) {
    problems_->push_back({file_->path + ":" + std::to_string(line), what});
  }

  void ReadEntry(const YAML::Node& key, const YAML::Node& value) {
    YamlEntry entry;
    entry.key = key.Scalar();
    entry.line = LineOf(key);
    if (value.IsSequence()) {
      entry.kind = YamlKind::kList;
      if (!ReadList(value, &entry)) return;
    } else if (value.IsMap()) {
      entry.kind = YamlKind::kMap;
      if (!ReadMap(value, &entry)) return;
    } else {
      entry.is_null = value.IsNull();
      if (value.IsScalar()) entry.scalar = value.Scalar();
    }
    file_->entries.push_back(std::move(entry));
  }

  bool ReadList(const YAML::Node& list, YamlEntry* entry) {
    for (const YAML::Node& item : list) {
      if (!item.IsScalar()) {
        Complain(LineOf(item), "items of '" + entry->key + "' must be plain values");
        return false;
      }
      entry->list.emplace_back(LineOf(item), item.Scalar());
    }
    return true;
  }

  bool ReadMap(const YAML::Node& map, YamlEntry* entry) {
    std::map<std::string, int> first_line;
    for (const auto& pair : map) {
      const int line = LineOf(pair.first);
      if (!pair.first.IsScalar() || !(pair.second.IsScalar() || pair.second.IsNull())) {
        Complain(line, "values in '" + entry->key + "' must be plain values");
        return false;
      }
      const std::string name = pair.first.Scalar();
      if (!first_line.try_emplace(name, line).second) {
        Complain(line, "key '" + name + "' is given twice in '" + entry->key + "'");
        continue;
      }
      entry->map.push_back({line, name, pair.second.IsNull() ? "" : pair.second.Scalar()});
    }
    return true;
  }

  YamlFile* file_;
  Problems* problems_;
};

}  // namespace

YamlFile ReadYamlFile(const std::string& path, Problems* problems) {
  const bool folder = std::filesystem::is_directory(path);
  errno = folder ? EISDIR : 0;
  std::ifstream in;
  if (!folder) in.open(path, std::ios::binary);
  if (!in.is_open()) {
    problems->push_back({path, std::string("cannot be read: ") + std::strerror(errno)});
    return {path, {}};
  }
  const std::string text(std::istreambuf_iterator<char>(in), {});
  return ParseYaml(path, text, problems);
}

YamlFile ParseYaml(const std::string& path, const std::string& text, Problems* problems) {
  YamlFile file{path, {}};
  if (text.size() > kFileBytesMax) {
    problems->push_back({path, "is larger than 4 MiB"});
    return file;
  }
  try {
    Reader(&file, problems).ReadTop(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    const int line = error.mark.line >= 0 ? error.mark.line + 1 : 1;
    problems->push_back({path + ":" + std::to_string(line), "is no YAML: " + error.msg});
  }
  return file;
}

}  // namespace quantstream::config
