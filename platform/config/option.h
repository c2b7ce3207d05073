// One declaration per option: name, default, minimum, maximum, unit, help. From it come the parser,
// the range check,
// --help and the README's table. A service declares its options once, bound to the fields of its
// own config struct:
//
//   config::OptionSet ProcessorOptions(ProcessorConfig* config) {
//     config::OptionSet options("processor");
//     options.Add(&config->grace_ms, {.name = "grace_ms", .fallback = 1000, .minimum = 0, .maximum
//     = 3'600'000,
//                                     .unit = "ms", .help = "how long a window waits for late
//                                     trades"});
//     options.Add(&config->instruments, {.name = "instruments", .items_max = 10'000, .help =
//     "venue:symbol, ..."}); options.AddSection(&config->kafka, kafka::ClientSection()); return
//     options;
//   }
//
// Values come, in rising order of right, from: the default, the YAML file, the environment
// (QUANTSTREAM_<SERVICE>_<OPTION>, upper case; lists "a,b", maps "k=v,k2=v2"). A field holds its
// default from Add on. A secret never stands in YAML: it comes from QUANTSTREAM_<SERVICE>_<OPTION>,
// or from the file whose path is in QUANTSTREAM_<SERVICE>_<OPTION>_FILE or under the YAML key
// <option>_file.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/config/problem.h"
#include "platform/config/yaml_file.h"

namespace quantstream::config {

using Properties = std::map<std::string, std::string>;

struct IntegerOption {
  std::string name{};
  int64_t fallback = 0;
  int64_t minimum = 0;
  int64_t maximum = std::numeric_limits<int64_t>::max();
  std::string unit{};
  std::string help{};
};

struct RealOption {
  std::string name{};
  double fallback = 0;
  double minimum = 0;
  double maximum = std::numeric_limits<double>::max();
  std::string unit{};
  std::string help{};
};

struct BoolOption {  // true/false, yes/no, on/off, 1/0
  std::string name{};
  bool fallback = false;
  std::string help{};
};

struct TextOption {
  std::string name{};
  std::string fallback{};
  std::vector<std::string> choices{};  // empty = any text
  bool required = false;               // an empty value is a problem
  bool secret = false;
  std::string help{};
};

struct ListOption {  // of texts
  std::string name{};
  std::vector<std::string> fallback{};
  std::vector<std::string> choices{};  // of each item; empty = any text
  int64_t items_min = 0;
  int64_t items_max = 1000;
  std::string help{};
};

struct MapOption {  // text to text
  std::string name{};
  Properties fallback{};
  int64_t items_max = 1000;
  std::string help{};
};

struct ForbiddenProperty {
  std::string name{};
  std::string why{};  // "the processor chooses every start offset itself"
};

// A section `kafka:` or `postgres:` that passes any property of a client library through as text.
struct SectionOption {
  std::string name{};
  Properties fallback{};  // shown by --help; a value given replaces it
  std::vector<ForbiddenProperty>
      forbidden;  // a promise rests on these: the problem names the property and why
  std::vector<std::string> secrets{};  // never in YAML; `<property>_file: PATH` is
  char separator = '_';  // of words in a property; the environment's '_' becomes it (SASL_PASSWORD
                         // -> sasl.password)
  // What is wrong with a property (unknown, bad value), nothing when it is fine. Unset = anything
  // goes.
  std::function<std::optional<std::string>(const std::string& name, const std::string& value)>
      check;
  std::string help{};
};

// The options of one service. Fields bound by Add must outlive the set.
class OptionSet {
 public:
  explicit OptionSet(std::string service);  // "processor"

  void Add(int64_t* field, IntegerOption option);
  void Add(int* field, IntegerOption option);  // the maximum is cut to int's
  void Add(double* field, RealOption option);
  void Add(bool* field, BoolOption option);
  void Add(std::string* field, TextOption option);
  void Add(std::vector<std::string>* field, ListOption option);
  void Add(Properties* field, MapOption option);
  void AddSection(Properties* field, SectionOption option);

  // Runs after all values are in their fields; for rules between options. It adds what is wrong,
  // `where` = option name: Apply puts the place where the option was given there.
  void AddCheck(std::function<void(Problems*)> check);

  enum class Rules {
    kCheck,
    kLeaveOut,  // the file could not be read: what is missing in it would be called a problem
  };
  // Sets the fields from `file` (may be null) and from the environment (as `getenv`), then runs the
  // checks. Returns every problem found, with file and line, the variable's name or, of an option
  // that was not given, its own. What has a problem keeps the value it had.
  Problems Apply(const YamlFile* file,
                 const std::vector<std::pair<std::string, std::string>>& environment,
                 Rules rules = Rules::kCheck);

  const std::string& service() const { return service_; }
  // Each option with default, range and unit.
  std::string HelpText() const;
  // The same as a Markdown table for the service's README.
  std::string MarkdownTable() const;

 private:
  // What all kinds of options have in common; `set*` return what is wrong with a value.
  struct Entry {
    std::string name{};
    std::string fallback{};  // as text
    std::string range{};     // "0 .. 3600000 ms", "one of a, b", "text"
    std::string help{};
    bool secret = false;
    YamlKind kind = YamlKind::kScalar;
    std::function<std::optional<std::string>(const std::string&)> set_scalar{};
    std::function<std::optional<std::string>(const std::vector<std::string>&)> set_list{};
    std::function<std::optional<std::string>(const Properties&)> set_map{};
    std::shared_ptr<const SectionOption> section{};  // null = no section
    Properties* section_field = nullptr;
    std::string given_at{};  // file and line, or the variable; empty = not given
  };

  void Insert(Entry entry);
  Entry* Find(std::string_view name);
  std::vector<std::string> Names() const;
  std::string Variable(const std::string& name) const;
  void ApplyYaml(const YamlFile& file, Problems* problems);
  void ApplyYamlEntry(Entry& entry, const YamlEntry& value, const std::string& where,
                      Problems* problems);
  void ApplySecretFile(const YamlEntry& value, Entry& entry, const std::string& where,
                       Problems* problems);
  void ApplyYamlSection(Entry& entry, const YamlEntry& value, const std::string& path,
                        Problems* problems);
  void SetProperty(Entry& entry, const std::string& property, const std::string& value,
                   const std::string& where, Problems* problems);
  void ApplyVariable(const std::string& variable, const std::string& value, Problems* problems);
  bool ApplySectionVariable(const std::string& name, const std::string& variable,
                            const std::string& value, Problems* problems);
  std::optional<std::string> SetFromText(Entry& entry, const std::string& text);
  void CheckRules(Problems* problems);

  std::string service_;
  std::vector<Entry> entries_;
  std::vector<std::function<void(Problems*)>> checks_;
};

}  // namespace quantstream::config
