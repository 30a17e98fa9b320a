// The same objects under other names: versions of one resource, and resources of two groups that
// share what is stored. Webhooks and policies whose matchPolicy is Equivalent see a request as the
// version that their rules name.
#pragma once

#include "api/admission/plugin.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::admission {

/// Knows what is equivalent to what. Thread-safe.
class equivalents {
public:
  /// null: the built-in resources.
  explicit equivalents(std::shared_ptr<const schema::registry> schemas);

  /// What else the objects of a resource are served as; preferred versions come first.
  std::vector<resource_type_ptr> of(const resource_type& t) const;

  /// The group resources that share their objects with this one, itself among them.
  std::vector<std::string> group_resources(std::string_view resource) const;

private:
  std::shared_ptr<const resource_types> types_;
};

/// Whether rules are about a request, and as what they want to see it.
struct rule_match {
  bool holds = false;
  resource_type_ptr as; ///< null: as it was made
};

/// Asks rules in their order: `hits(rule, request, resource)`. A rule about the very resource goes
/// before those about its equivalents; `others` null: only the very resource counts.
template <class Rules, class Hits>
rule_match match_rules(const Rules& rules, const request& r, const equivalents* others, Hits hits) {
  for (const auto& rule : rules)
    if (hits(rule, r, r.type))
      return {true, nullptr};
  if (others && !rules.empty())
    for (const auto alternatives = others->of(r.type); const auto& rule : rules)
      for (const auto& t : alternatives)
        if (hits(rule, r, *t))
          return {true, t};
  return {};
}

/// A request as another version of its resource shows it. Must not outlive the request.
class translation {
public:
  /// May block where the resource's conversion asks another server. Errors: those of conversion.
  static result<std::unique_ptr<translation>> make(const request& r, resource_type_ptr as);

  translation(const translation&) = delete;

  request& shown() { return shown_; }
  /// Gives the object, which somebody altered, back to the request. Errors: those of conversion.
  result<void> give_back(request& r);

private:
  using documents = std::pair<std::optional<json::document>, std::optional<json::document>>;
  translation(const request& r, resource_type_ptr as, documents docs);

  resource_type_ptr as_;
  documents docs_; ///< the object, and what it was
  request shown_;
};

} // namespace thespis::api::admission
