#include "api/validation/access.hpp"
#include "api/validation/pod.hpp"

namespace thespis::api {

namespace {

constexpr std::string_view mode_message =
    "must be a number between 0 and 0777 (octal), both inclusive";

void check_mode(const json::value& v, std::string_view key, const path& at, findings& f) {
  auto mode = json::get_int(v, key);
  if (mode < 0 || mode > 0777)
    f.invalid(path(at, key), mode, mode_message);
}

/// A path inside a volume: relative, and not the place where updates are swapped in.
void check_local_path(std::string_view p, const path& at, findings& f) {
  if (p.starts_with('/'))
    f.invalid(at, p, "must be a relative path");
  for (size_t from = 0; from <= p.size();) {
    auto to = std::min(p.find('/', from), p.size());
    if (p.substr(from, to - from) == "..") {
      f.invalid(at, p, "must not contain '..'");
      break;
    }
    from = to + 1;
  }
  if (p.starts_with("..") && !p.starts_with("../") && p != "..")
    f.invalid(at, p, "must not start with '..'");
}

void check_items(const json::value& source, const path& at, findings& f) {
  each(source, "items", at, [&](const json::value& item, const path& p) {
    if (text(item, "key").empty())
      f.required(path(p, "key"));
    if (text(item, "path").empty())
      f.required(path(p, "path"));
    else
      check_local_path(text(item, "path"), path(p, "path"), f);
    check_mode(item, "mode", p, f);
  });
}

void check_downward_items(const json::value& source, const path& at, findings& f) {
  each(source, "items", at, [&](const json::value& item, const path& p) {
    if (text(item, "path").empty())
      f.required(path(p, "path"));
    else
      check_local_path(text(item, "path"), path(p, "path"), f);
    bool field = has(item, "fieldRef");
    if (field)
      validate_field_ref(member(item, "fieldRef"), path(p, "fieldRef"), true, f);
    if (has(item, "resourceFieldRef")) {
      if (field)
        f.invalid(p, "resource",
                  "fieldRef and resourceFieldRef can not be specified simultaneously");
      validate_resource_field_ref(member(item, "resourceFieldRef"), path(p, "resourceFieldRef"),
                                  true, f);
    } else if (!field) {
      f.required(p, "one of fieldRef and resourceFieldRef is required");
    }
    check_mode(item, "mode", p, f);
  });
}

void check_projected_source(const json::value& s, const path& at, findings& f) {
  int sources = 0;
  auto one_more = [&](std::string_view key) {
    if (sources++ > 0)
      f.forbidden(path(at, key), "may not specify more than 1 volume type per source");
  };
  for (std::string_view key : {"secret", "configMap"})
    if (has(s, key)) {
      one_more(key);
      path p(at, key);
      if (text(member(s, key), "name").empty())
        f.required(path(p, "name"));
      check_items(member(s, key), p, f);
    }
  if (has(s, "downwardAPI")) {
    one_more("downwardAPI");
    check_downward_items(member(s, "downwardAPI"), path(at, "downwardAPI"), f);
  }
  if (has(s, "serviceAccountToken")) {
    one_more("serviceAccountToken");
    const auto& token = member(s, "serviceAccountToken");
    path p(at, "serviceAccountToken");
    if (has(token, "expirationSeconds")) {
      auto seconds = json::get_int(token, "expirationSeconds");
      if (seconds < 600)
        f.invalid(path(p, "expirationSeconds"), seconds,
                  "may not specify a duration less than 10 minutes");
      if (seconds > int64_t{1} << 32)
        f.invalid(path(p, "expirationSeconds"), seconds,
                  "may not specify a duration larger than 2^32 seconds");
    }
    if (text(token, "path").empty())
      f.required(path(p, "path"));
    else
      check_local_path(text(token, "path"), path(p, "path"), f);
  }
}

void check_host_path(const json::value& v, const path& at, findings& f) {
  auto p = text(v, "path");
  if (p.empty())
    f.required(path(at, "path"));
  else if (p == ".." || p.starts_with("../") || p.ends_with("/..") || p.find("/../") != p.npos)
    f.invalid(path(at, "path"), p, "must not contain '..'");
  auto type = text(v, "type");
  for (std::string_view known : {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate",
                                 "File", "FileOrCreate", "Socket"})
    if (type == known)
      return;
  f.not_supported(path(at, "type"), type,
                  {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
                   "FileOrCreate", "Socket"});
}

void check_source(std::string_view kind, const json::value& v, const path& at, findings& f) {
  if (kind == "hostPath") {
    check_host_path(v, at, f);
  } else if (kind == "secret") {
    if (text(v, "secretName").empty())
      f.required(path(at, "secretName"));
    check_mode(v, "defaultMode", at, f);
    check_items(v, at, f);
  } else if (kind == "configMap") {
    if (text(v, "name").empty())
      f.required(path(at, "name"));
    check_mode(v, "defaultMode", at, f);
    check_items(v, at, f);
  } else if (kind == "downwardAPI") {
    check_mode(v, "defaultMode", at, f);
    check_downward_items(v, at, f);
  } else if (kind == "projected") {
    check_mode(v, "defaultMode", at, f);
    each(v, "sources", at,
         [&](const json::value& s, const path& p) { check_projected_source(s, p, f); });
  } else if (kind == "persistentVolumeClaim") {
    if (text(v, "claimName").empty())
      f.required(path(at, "claimName"));
  } else if (kind == "emptyDir") {
    if (auto limit = text(v, "sizeLimit"); limit.starts_with('-'))
      f.forbidden(path(at, "sizeLimit"), "SizeLimit field must be a valid resource quantity");
  }
}

} // namespace

void validate_volumes(const json::value& spec, const path& at, name_set& names, findings& f) {
  each(spec, "volumes", at, [&](const json::value& v, const path& p) {
    auto before = f.size();
    int sources = 0;
    if (v.IsObject())
      for (const auto& m : v.GetObject()) {
        auto kind = json::as_string(m.name);
        if (kind == "name" || m.value.IsNull())
          continue;
        path source(p, kind);
        if (sources++ > 0)
          f.forbidden(source, "may not specify more than 1 volume type");
        else
          check_source(kind, m.value, source, f);
      }
    auto name = text(v, "name");
    if (name.empty())
      f.required(path(p, "name"));
    else
      complain(f, path(p, "name"), name, check_dns1123_label(name));
    if (names.contains(name))
      f.duplicate(path(p, "name"), name);
    if (f.size() == before)
      names.insert(name);
  });
}

} // namespace thespis::api
