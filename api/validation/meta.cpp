#include "api/validation/meta.hpp"

#include "api/schema/formats.hpp"
#include "api/schema/schema.hpp"
#include "api/text/labels.hpp"
#include "api/text/quote.hpp"
#include "api/validation/access.hpp"

#include <algorithm>
#include <array>
#include <cctype>

namespace thespis::api {

namespace {

constexpr size_t max_annotation_bytes = 256 * 1024;

/// Finalizers that need no domain.
constexpr std::array<std::string_view, 3> standard_finalizers{"kubernetes", "orphan",
                                                              "foregroundDeletion"};

void check_owner(const json::value& owner, const path& at, findings& f) {
  auto version = text(owner, "apiVersion");
  if (version.empty() || version.back() == '/')
    f.invalid(path(at, "apiVersion"), version, "version must not be empty");
  for (std::string_view key : {"kind", "name", "uid"})
    if (text(owner, key).empty())
      f.invalid(path(at, key), std::string_view{}, "must not be empty");
  if (text(owner, "kind") == "Event" && version == "v1")
    f.invalid(at, owner, "/v1, Kind=Event is disallowed from being an owner");
}

void check_owners(const json::value& meta, const path& at, findings& f) {
  const auto& list = member(meta, "ownerReferences");
  if (!list.IsArray())
    return;
  path owners(at, "ownerReferences");
  std::string first;
  for (const auto& o : list.GetArray()) {
    check_owner(o, owners, f);
    if (!json::get_bool(o, "controller"))
      continue;
    auto name = std::string(text(o, "kind")) + "/" + std::string(text(o, "name"));
    if (first.empty())
      first = name;
    else
      f.invalid(owners, list,
                "Only one reference can have Controller set to true. Found \"true\" in "
                "references for " +
                    first + " and " + name);
  }
}

/// Only Kubernetes' core kinds ask for finalizers with a domain, or of a few names.
bool has_core_rules(const json::value& doc) {
  const auto version = json::get_string(doc, "apiVersion");
  const auto slash = version.find('/');
  const auto group = slash == version.npos ? std::string_view{} : version.substr(0, slash);
  if (group.empty())
    return true;
  return group != "apiextensions.k8s.io" &&
         schema::registry::builtin().find_kind_type(group, version.substr(slash + 1),
                                                    json::get_string(doc, "kind"));
}

void check_finalizers(const json::value& meta, bool core, const path& at, findings& f) {
  const auto& list = member(meta, "finalizers");
  if (!list.IsArray())
    return;
  path finalizers(at, "finalizers");
  bool orphan = false;
  bool foreground = false;
  for (const auto& v : list.GetArray()) {
    auto name = json::as_string(v);
    auto why = check_qualified_name(name);
    complain(f, finalizers, name, why);
    bool standard = std::find(standard_finalizers.begin(), standard_finalizers.end(), name) !=
                    standard_finalizers.end();
    if (core && why.empty() && !standard && name.find('/') == name.npos)
      f.invalid(finalizers, name,
                "name is neither a standard finalizer name nor is it fully qualified");
    orphan = orphan || name == "orphan";
    foreground = foreground || name == "foregroundDeletion";
  }
  if (orphan && foreground)
    f.invalid(finalizers, list, "finalizer orphan and foregroundDeletion cannot be both set");
}

/// What a deleted object may no longer gain.
void check_new_finalizers(const json::value& meta, const json::value& old, const path& at,
                          findings& f) {
  const auto& before = member(old, "finalizers");
  const auto& now = member(meta, "finalizers");
  if (text(old, "deletionTimestamp").empty() || !now.IsArray())
    return;
  std::string added;
  for (const auto& v : now.GetArray()) {
    bool known =
        before.IsArray() && std::any_of(before.Begin(), before.End(),
                                        [&](const json::value& b) { return json::equal(b, v); });
    if (!known)
      added += (added.empty() ? "" : ", ") + quote_go(json::as_string(v));
  }
  if (!added.empty())
    f.forbidden(path(at, "finalizers"),
                "no new finalizers can be added if the object is being deleted, found new "
                "finalizers []string{" +
                    added + "}");
}

void check_contents(const json::value& m, bool core, const path& at, findings& f) {
  validate_labels(member(m, "labels"), path(at, "labels"), f);
  validate_annotations(member(m, "annotations"), path(at, "annotations"), f);
  check_owners(m, at, f);
  check_finalizers(m, core, at, f);
}

} // namespace

void validate_labels(const json::value& labels, const path& at, findings& f) {
  if (!labels.IsObject())
    return;
  for (const auto& m : labels.GetObject()) {
    complain(f, at, json::as_string(m.name), check_qualified_name(json::as_string(m.name)));
    complain(f, at, json::as_string(m.value), check_label_value(json::as_string(m.value)));
  }
}

void validate_annotations(const json::value& annotations, const path& at, findings& f) {
  if (!annotations.IsObject())
    return;
  size_t bytes = 0;
  for (const auto& m : annotations.GetObject()) {
    std::string lower(json::as_string(m.name));
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    complain(f, at, json::as_string(m.name), check_qualified_name(lower));
    bytes += lower.size() + json::as_string(m.value).size();
  }
  if (bytes > max_annotation_bytes)
    f.too_long(at, max_annotation_bytes);
}

void validate_selector(const json::value& selector, const path& at, findings& f) {
  if (!selector.IsObject())
    return;
  for (auto& c : validate_label_selector(selector, at.str()))
    f.causes().push_back(std::move(c));
}

void validate_metadata(const json::value& doc, bool namespaced, std::string_view name_format,
                       findings& f) {
  const auto& m = member(doc, "metadata");
  path at("metadata");
  if (auto base = text(m, "generateName"); !base.empty())
    complain(f, path(at, "generateName"), base,
             schema::check_format(name_format, mask_trailing_dash(base)));
  auto name = text(m, "name");
  if (name.empty())
    f.required(path(at, "name"), "name or generateName is required");
  else
    complain(f, path(at, "name"), name, schema::check_format(name_format, name));
  if (namespaced) {
    path ns(at, "namespace");
    if (text(m, "namespace").empty())
      f.required(ns);
    else
      complain(f, ns, text(m, "namespace"), check_dns1123_label(text(m, "namespace")));
  }
  check_contents(m, has_core_rules(doc), at, f);
}

void validate_metadata_update(const json::value& doc, const json::value& old, findings& f) {
  const auto& m = member(doc, "metadata");
  const auto& o = member(old, "metadata");
  path at("metadata");
  check_new_finalizers(m, o, at, f);
  for (std::string_view key : {"name", "namespace", "uid", "creationTimestamp", "deletionTimestamp",
                               "deletionGracePeriodSeconds"})
    immutable(f, m, o, key, at);
  check_contents(m, has_core_rules(doc), at, f);
}

} // namespace thespis::api
