#include "api/rest/list_options.hpp"

#include "api/text/quote.hpp"

#include <algorithm>
#include <charconv>

namespace thespis::api::rest {

namespace {

using causes = std::vector<cause>;

cause match_forbidden(std::string detail) {
  return field_forbidden("resourceVersionMatch", std::move(detail));
}

/// The rules for lists.
void check_list(const list_options& o, const query& q, causes& found) {
  auto match = q.get("resourceVersionMatch");
  if (!match.empty()) {
    if (q.get("resourceVersion").empty())
      found.push_back(
          match_forbidden("resourceVersionMatch is forbidden unless resourceVersion is provided"));
    if (!q.get("continue").empty())
      found.push_back(
          match_forbidden("resourceVersionMatch is forbidden when continue is provided"));
    if (match != "Exact" && match != "NotOlderThan")
      found.push_back(
          not_supported("resourceVersionMatch", quote_go(match), {"Exact", "NotOlderThan", ""}));
    if (match == "Exact" && q.get("resourceVersion") == "0")
      found.push_back(
          match_forbidden("resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\""));
  }
  if (o.initial_events)
    found.push_back(
        field_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list"));
}

/// The rules for watches.
void check_watch(const list_options& o, const query& q, causes& found) {
  auto match = q.get("resourceVersionMatch");
  if (o.initial_events && match != "NotOlderThan")
    found.push_back(
        match_forbidden("sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"));
  if (match.empty())
    return;
  if (!o.initial_events)
    found.push_back(match_forbidden(
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided"));
  if (match != "NotOlderThan")
    found.push_back(not_supported("resourceVersionMatch", quote_go(match), {"NotOlderThan"}));
  if (!q.get("continue").empty())
    found.push_back(match_forbidden("resourceVersionMatch is forbidden when continue is provided"));
}

result<void> check(const list_options& o, const request_target& t) {
  causes found;
  if (t.verb == "watch")
    check_watch(o, t.query, found);
  else
    check_list(o, t.query, found);
  if (!found.empty())
    return fail(invalid("ListOptions.meta.k8s.io", "", std::move(found)));
  if (t.verb != "watch" && o.token && o.revision.value_or(0) != 0)
    return fail(bad_request("specifying resource version is not allowed when using continue"));
  return {};
}

/// A watch of one object names it in its path, and its field selector must not name another.
result<void> select_named(list_options& o, const request_target& t) {
  if (t.name.empty())
    return {};
  if (o.field_text.empty()) {
    o.field_text = "metadata.name=" + t.name;
    return {};
  }
  for (std::string_view rest = o.field_text; !rest.empty();) {
    size_t comma = std::min(rest.find(','), rest.size());
    auto term = rest.substr(0, comma);
    rest.remove_prefix(std::min(comma + 1, rest.size()));
    if (term == "metadata.name=" + t.name || term == "metadata.name==" + t.name)
      return {};
  }
  return fail(bad_request("fieldSelector metadata.name doesn't match requested name"));
}

result<void> read_page(list_options& o, const query& q) {
  auto limit = q.integer("limit");
  if (!limit)
    return fail(std::move(limit.error()));
  o.limit = std::max<int64_t>(limit->value_or(0), 0);
  if (auto text = q.get("continue"); !text.empty()) {
    auto token = continue_token::decode(text);
    if (!token)
      return fail(std::move(token.error()));
    o.token = std::move(*token);
  }
  return {};
}

} // namespace

result<uint64_t> read_revision(std::string_view text) {
  uint64_t n = 0;
  auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (text.empty() || ec != std::errc{} || end != text.data() + text.size())
    return fail(bad_request(
        "Invalid value: " + quote_go(text) + ": strconv.ParseUint: parsing " + quote_go(text) +
        (ec == std::errc::result_out_of_range ? ": value out of range" : ": invalid syntax")));
  return n;
}

error too_large_revision(uint64_t wanted, uint64_t present) {
  error e;
  e.why = reason::timeout;
  e.message = "Too large resource version: " + std::to_string(wanted) +
              ", current: " + std::to_string(present);
  e.causes.push_back({"ResourceVersionTooLarge", "Too large resource version", {}});
  e.retry_after_seconds = 1;
  return e;
}

error expired_revision(std::string message) {
  return make_error(reason::expired, std::move(message));
}

result<list_options> read_list_options(const schema::resource& resource, const request_target& t) {
  const auto& q = t.query;
  list_options o;
  o.label_text = q.get("labelSelector");
  o.field_text = q.get("fieldSelector");
  if (auto ok = select_named(o, t); !ok)
    return fail(std::move(ok.error()));
  auto selector = object_selector::parse(resource, o.label_text, o.field_text);
  if (!selector)
    return fail(std::move(selector.error()));
  o.selector = std::move(*selector);
  if (auto text = q.get("resourceVersion"); !text.empty()) {
    auto n = read_revision(text);
    if (!n)
      return fail(std::move(n.error()));
    o.revision = *n;
  }
  if (auto match = q.get("resourceVersionMatch"); !match.empty())
    o.match = match == "Exact" ? revision_match::exact : revision_match::not_older_than;
  if (!q.get("sendInitialEvents").empty())
    o.initial_events = q.flag("sendInitialEvents");
  o.bookmarks = q.flag("allowWatchBookmarks");
  auto timeout = q.integer("timeoutSeconds");
  if (!timeout)
    return fail(std::move(timeout.error()));
  o.timeout_seconds = *timeout;
  if (auto ok = read_page(o, q); !ok)
    return fail(std::move(ok.error()));
  if (auto ok = check(o, t); !ok)
    return fail(std::move(ok.error()));
  return o;
}

} // namespace thespis::api::rest
