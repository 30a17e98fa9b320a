// What the printers of all kinds share: ages, lists, counts.
#pragma once

#include "api/table/table.hpp"
#include "api/text/time.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::api::table {

/// The age of an RFC 3339 time, "<unknown>" when there is none.
std::string age_of(std::string_view time, timestamp now);
/// The age of an object by its creationTimestamp.
std::string object_age(const json::value& object, timestamp now);

std::string object_name(const json::value& object);

/// The string at a path, or `fallback` when it is missing or empty.
std::string text_at(const json::value& object, std::initializer_list<std::string_view> path,
                    std::string_view fallback = {});
int64_t int_at(const json::value& object, std::initializer_list<std::string_view> path,
               int64_t fallback = 0);
/// Items of the array at a path, or members of the object there; 0 when there is none.
int64_t count_at(const json::value& object, std::initializer_list<std::string_view> path);
/// The items of the array at a path; nothing when there is none.
std::vector<const json::value*> items_at(const json::value& object,
                                         std::initializer_list<std::string_view> path);

/// "a,b,c", or `none`.
std::string join(const std::vector<std::string>& parts, std::string_view none = "<none>");
/// "a,b,c + 2 more..." with at most three.
std::string join_some(const std::vector<std::string>& parts, std::string_view none);

/// A map of labels as "k=v,k2=v2", "<none>" when empty.
std::string format_labels(const json::value* labels);
/// A metav1.LabelSelector in the query notation, "<none>" when empty.
std::string format_label_selector(const json::value* selector);

/// Names and images of spec.template.spec.containers.
std::string container_names(const json::value& object);
std::string container_images(const json::value& object);

// One function a kind; see find_printer.
row pod_cells(const json::value& object, timestamp now);
row deployment_cells(const json::value& object, timestamp now);
row replica_set_cells(const json::value& object, timestamp now);
row replication_controller_cells(const json::value& object, timestamp now);
row daemon_set_cells(const json::value& object, timestamp now);
row stateful_set_cells(const json::value& object, timestamp now);
row job_cells(const json::value& object, timestamp now);
row service_cells(const json::value& object, timestamp now);
row endpoints_cells(const json::value& object, timestamp now);
row endpoint_slice_cells(const json::value& object, timestamp now);
row node_cells(const json::value& object, timestamp now);
row namespace_cells(const json::value& object, timestamp now);
row event_cells(const json::value& object, timestamp now);
row config_map_cells(const json::value& object, timestamp now);
row secret_cells(const json::value& object, timestamp now);
row service_account_cells(const json::value& object, timestamp now);
row lease_cells(const json::value& object, timestamp now);

} // namespace thespis::api::table
