#include "api/auth/trust_anchors.hpp"
#include "api/schema/formats.hpp"
#include "api/validation/access.hpp"
#include "api/validation/certificates.hpp"
#include "api/validation/meta.hpp"
#include "api/validation/pod.hpp"

#include <array>

namespace thespis::api {

namespace {

constexpr int64_t min_token_seconds = 600;
constexpr int64_t max_token_seconds = int64_t{1} << 32;

/// Each file of a downward API volume has one of two sources.
void check_downward_items(const json::value& source, const path& at, findings& f) {
  each(source, "items", at, [&](const json::value& item, const path& p) {
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
  });
}

void need_name(const json::value& source, const path& at, findings& f) {
  if (text(source, "name").empty())
    f.required(path(at, "name"));
}

/// Either one bundle by its name, or those of a signer that a selector chooses.
void check_trust_bundle(const json::value& source, const path& at, findings& f) {
  const bool by_name = has(source, "name"), by_signer = has(source, "signerName");
  if (by_name && by_signer) {
    f.invalid(at, source, "only one of name and signerName may be used");
  } else if (by_name) {
    const auto name = text(source, "name");
    if (name.empty())
      f.required(path(at, "name"), "must be a valid object name");
    // A signer's bundles are named after it: "example.com:web:" stands before the rest.
    const auto last = name.rfind(':');
    std::string signer{name.substr(0, last == name.npos ? 0 : last)};
    if (const auto first = signer.find(':'); first != signer.npos)
      signer[first] = '/';
    for (const auto& why : auth::check_trust_bundle_name(name, signer))
      f.invalid(path(at, "name"), name, "not a valid clustertrustbundlename: " + why);
    if (has(source, "labelSelector"))
      f.invalid(path(at, "labelSelector"), member(source, "labelSelector"),
                "labelSelector must be unset if name is specified");
  } else if (by_signer) {
    validate_signer_name(text(source, "signerName"), path(at, "signerName"), f);
    if (has(source, "labelSelector"))
      validate_selector(member(source, "labelSelector"), path(at, "labelSelector"), f);
  } else {
    f.required(at, "either name or signerName must be specified");
  }
  const auto file = text(source, "path");
  if (file.empty())
    f.required(path(at, "path"));
  complain(f, path(at, "path"), file, schema::check_format("volume-path", file));
}

void check_projected_source(const json::value& s, const path& at, findings& f) {
  constexpr std::array<std::string_view, 5> kinds{"secret", "downwardAPI", "configMap",
                                                  "serviceAccountToken", "clusterTrustBundle"};
  bool found = false;
  for (auto kind : kinds) {
    const auto& source = member(s, kind);
    if (source.IsNull())
      continue;
    path p(at, kind);
    if (found)
      f.forbidden(p, "may not specify more than 1 volume type per source");
    found = true;
    if (kind == "secret" || kind == "configMap")
      need_name(source, p, f);
    else if (kind == "downwardAPI")
      check_downward_items(source, p, f);
    else if (kind == "clusterTrustBundle")
      check_trust_bundle(source, p, f);
    else if (kind == "serviceAccountToken" && has(source, "expirationSeconds")) {
      auto seconds = json::get_int(source, "expirationSeconds");
      if (seconds < min_token_seconds)
        f.invalid(path(p, "expirationSeconds"), seconds,
                  "may not specify a duration less than 10 minutes");
      if (seconds > max_token_seconds)
        f.invalid(path(p, "expirationSeconds"), seconds,
                  "may not specify a duration larger than 2^32 seconds");
    }
  }
}

/// What must be at the path on the node; nothing in particular when it is empty.
void check_host_path(const json::value& v, const path& at, findings& f) {
  auto type = text(v, "type");
  for (std::string_view known : {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate",
                                 "File", "FileOrCreate", "Socket"})
    if (type == known)
      return;
  f.not_supported(path(at, "type"), type,
                  {"", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File",
                   "FileOrCreate", "Socket"});
}

void check_sources(const json::value& v, const path& at, findings& f) {
  check_host_path(member(v, "hostPath"), path(at, "hostPath"), f);
  path config_map(at, "configMap");
  if (has(v, "configMap"))
    need_name(member(v, "configMap"), config_map, f);
  check_downward_items(member(v, "downwardAPI"), path(at, "downwardAPI"), f);
  each(member(v, "projected"), "sources", path(at, "projected"),
       [&](const json::value& s, const path& p) { check_projected_source(s, p, f); });
}

} // namespace

void validate_volumes(const json::value& spec, const path& at, name_set& names, findings& f) {
  each(spec, "volumes", at, [&](const json::value& v, const path& p) {
    check_sources(v, p, f);
    auto name = text(v, "name");
    if (!name.empty() && !names.insert(name).second)
      f.duplicate(path(p, "name"), name);
  });
}

} // namespace thespis::api
