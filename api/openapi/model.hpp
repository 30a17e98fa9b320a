// What all OpenAPI documents have in common, between the schema registry and the writers: small
// trees, one definition and one path at a time, so that no whole document is held as a tree.
// Internal to api/openapi.
#pragma once

#include "api/schema/schema.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::openapi {

/// An `x-` member; `json` is its value.
struct extension {
  std::string name;
  std::string json;
};

/// A JSON schema.
struct node {
  std::string ref; ///< a definition's full name; then only `about` and `default_json` apply
  std::string about;
  std::string type; ///< "" for any value
  std::string format;
  std::string default_json;
  std::vector<std::string> required;
  std::vector<std::string> values; ///< enum, closed
  std::vector<std::pair<std::string, node>> properties;
  std::unique_ptr<node> items;
  std::unique_ptr<node> additional;
  std::vector<std::string> one_of; ///< types of which one applies (v3 only; v2 says `type`)
  std::vector<extension> extensions;
};

/// A query or path parameter.
struct parameter {
  std::string name;
  std::string about;
  std::string type; ///< "string", "integer", "boolean"
  bool in_path = false;
};

struct operation {
  std::string method; ///< "get", "put", "post", "delete", "patch"
  std::string id;
  std::string about;
  std::string action; ///< x-kubernetes-action: "list", "patchcollection", ...
  std::string tag;
  std::string gvk_json;
  std::string body;     ///< a definition's full name; empty without a body
  std::string response; ///< a definition's full name; empty: a string
  bool created = false; ///< answers 201, too
  std::vector<std::string> consumes, produces;
  std::vector<parameter> parameters;
};

struct path {
  std::string name; ///< "/api/v1/namespaces/{namespace}/pods"
  std::vector<parameter> parameters;
  std::vector<operation> operations;
};

/// Which part of the API a document is about.
struct scope {
  bool all = true;
  std::string group, version;
  bool covers(const schema::resource& r) const {
    return all || (r.group == group && r.version == version);
  }
};

using resource_list = std::vector<schema::resource_ptr>;

/// The resources of a scope.
resource_list resources_of(const schema::registry& r, const scope& s);

/// Calls `f` with every definition that the resources need, ordered by name. `v2` leaves out of
/// run-time kinds what OpenAPI v2 does not have.
void for_definitions(const schema::registry& r, const resource_list& resources, bool v2,
                     const std::function<void(const std::string& name, const node& n)>& f);

/// Calls `f` with every path of the resources, in their order.
void for_paths(const schema::registry& r, const resource_list& resources,
               const std::function<void(const path& p)>& f);

} // namespace thespis::api::openapi
