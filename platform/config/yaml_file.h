// Reads one YAML file into a flat list of entries with their lines. Knows no option: option.h says
// what an entry means. yaml-cpp stays in the .cpp.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "platform/config/problem.h"

namespace quantstream::config {

enum class YamlKind { kScalar, kList, kMap };

// One `key: value` of the top level. Scalars keep their text; what type it is the option decides.
struct YamlEntry {
  std::string key{};
  int line = 0;  // of the key, from 1
  YamlKind kind = YamlKind::kScalar;
  bool is_null = false;                             // `key:` with nothing behind it
  std::string scalar{};                             // kScalar
  std::vector<std::pair<int, std::string>> list{};  // kList: line, text of each item
  struct Pair {
    int line{};
    std::string key{};
    std::string value{};
  };
  std::vector<Pair> map{};  // kMap
};

struct YamlFile {
  std::string path{};
  std::vector<YamlEntry> entries{};  // in file order
};

// Problems are added for: a file that cannot be read, text that is no YAML, a top level that is no
// map, a key given twice, anything nested deeper than a list or map of scalars. What could be read
// is returned all the same.
YamlFile ReadYamlFile(const std::string& path, Problems* problems);
YamlFile ParseYaml(const std::string& path, const std::string& text, Problems* problems);

}  // namespace quantstream::config
