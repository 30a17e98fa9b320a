#include "api/admission/pod_security_policy.hpp"

#include "api/json.hpp"

#include <charconv>

namespace thespis::api::admission {

namespace {

constexpr std::string_view prefix = "pod-security.kubernetes.io/";

/// Takes one mode's labels; which of them there are and make sense.
struct mode_reader {
  const label_set& labels;
  std::vector<cause>& causes;
  bool has_level = false, good_level = false, has_version = false;

  void report(const std::string& label, const std::string& value, std::string_view detail) {
    causes.push_back(invalid_value("metadata.labels[" + label + "]", json::quote(value), detail));
  }

  void read(std::string_view mode, security_standard& into, security_level fallback) {
    auto label = std::string(prefix) + std::string(mode);
    if (const auto* v = find_label(labels, label)) {
      has_level = good_level = true;
      if (*v == "privileged") {
        into.level = security_level::privileged;
      } else if (*v == "baseline") {
        into.level = security_level::baseline;
      } else if (*v == "restricted") {
        into.level = security_level::restricted;
      } else {
        good_level = false;
        into.level = fallback;
        report(label, *v, "must be one of privileged, baseline, restricted");
      }
    }
    label += "-version";
    if (const auto* v = find_label(labels, label)) {
      has_version = true;
      if (*v == "latest")
        into.minor = security_standard::latest;
      else if (!read_minor(*v, into.minor))
        report(label, *v, R"(must be "latest" or "v1.x")");
    }
  }

  static bool read_minor(std::string_view v, int& minor) {
    int n = 0;
    if (!v.starts_with("v1.") || v.size() > 7 || (v.size() > 4 && v[3] == '0'))
      return false;
    v.remove_prefix(3);
    auto [end, code] = std::from_chars(v.data(), v.data() + v.size(), n);
    if (code != std::errc{} || end != v.data() + v.size() || n < 0)
      return false;
    minor = n;
    return true;
  }
};

} // namespace

std::string_view to_string(security_level l) {
  switch (l) {
  case security_level::privileged:
    return "privileged";
  case security_level::baseline:
    return "baseline";
  case security_level::restricted:
    return "restricted";
  }
  return "";
}

std::string security_standard::to_string() const {
  return std::string(admission::to_string(level)) + ":" +
         (minor == latest ? "latest" : "v1." + std::to_string(minor));
}

security_policy read_security_policy(const label_set& labels, std::vector<cause>& causes) {
  security_policy p;
  mode_reader enforce{labels, causes};
  enforce.read("enforce", p.enforce, security_level::restricted);
  mode_reader audit{labels, causes};
  audit.read("audit", p.audit, security_level::privileged);
  mode_reader warn{labels, causes};
  warn.read("warn", p.warn, security_level::privileged);
  // What will be refused is worth a warning where it is only planned.
  if (!warn.has_level && enforce.good_level && p.enforce.level > p.warn.level) {
    p.warn.level = p.enforce.level;
    if (!warn.has_version)
      p.warn.minor = p.enforce.minor;
  }
  return p;
}

} // namespace thespis::api::admission
