// Reads settings from a YAML file and from command-line flags, and refuses what cannot be meant.
#pragma once

#include "api/result.hpp"
#include "config/settings.hpp"

#include <map>

namespace YAML {
class Node;
}

namespace thespis::config {

/// Gathers settings over their defaults; what is set later overrides. Every problem found is kept
/// and `finish` reports all of them, one a line, each as
/// `file:line:column: key: expected ... (got ...)`, or `--flag: ...` for the command line.
class settings_reader {
public:
  /// Sets what the YAML file at `path` holds.
  void read_file(const std::string& path);

  /// Same from text; `name` stands for the file in messages.
  void read_text(std::string_view text, const std::string& name);

  /// Sets the option of that flag ("api-port") from the command line. A relative path is taken from
  /// the working directory; a list grows. Requires a flag of `options()`.
  void set_flag(std::string_view flag, const std::string& text);

  /// The settings, checked against each other. Errors: bad_request with all problems.
  api::result<settings> finish();

private:
  void read_map(const YAML::Node& map, const std::string& prefix, const std::string& name);
  void read_value(const option& o, const YAML::Node& node, const std::string& origin);
  void assign(const option& o, const std::string& text, const std::string& origin);
  void refuse(const std::string& origin, const std::string& expected, std::string_view got);
  /// Where the value of `key` came from, for problems between two keys.
  std::string origin_of(std::string_view key) const;
  void check_shares(const api::cidr& pods);
  void check_network();
  void check_node();
  void check_pressure();
  void check_soft_pressure();
  void check_times();

  settings value_;
  std::map<std::string, std::string, std::less<>> origins_;
  std::vector<std::string> problems_;
};

/// Settings from one file, or the defaults when `path` is empty.
api::result<settings> load_settings(const std::string& path);

} // namespace thespis::config
