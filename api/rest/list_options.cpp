#include "api/rest/list_options.hpp"

#include "api/text/quote.hpp"

#include <charconv>

namespace thespis::api::rest {

namespace {

error invalid_options(cause c) {
  return invalid("ListOptions.meta.k8s.io", "", {std::move(c)});
}

result<revision_match> read_match(const query& q) {
  auto text = q.get("resourceVersionMatch");
  if (text.empty())
    return revision_match::unset;
  if (text == "Exact")
    return revision_match::exact;
  if (text == "NotOlderThan")
    return revision_match::not_older_than;
  return fail(invalid_options(
      not_supported("resourceVersionMatch", quote_go(text), {"Exact", "NotOlderThan", ""})));
}

/// The rules for lists.
result<void> check_list(const list_options& o, const query& q) {
  if (o.match != revision_match::unset && q.get("resourceVersion").empty())
    return fail(invalid_options(
        field_forbidden("resourceVersionMatch",
                        "resourceVersionMatch is forbidden unless resourceVersion is provided")));
  if (o.match != revision_match::unset && o.token)
    return fail(invalid_options(field_forbidden(
        "resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")));
  if (o.match == revision_match::exact && o.revision == uint64_t{0})
    return fail(invalid_options(
        field_forbidden("resourceVersionMatch",
                        "resourceVersionMatch \"exact\" is forbidden for resourceVersion \"0\"")));
  if (o.token && o.revision.value_or(0) != 0)
    return fail(bad_request("specifying resource version is not allowed when using continue"));
  if (o.initial_events)
    return fail(invalid_options(
        field_forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")));
  return {};
}

/// The rules for watches.
result<void> check_watch(const list_options& o) {
  if (o.initial_events) {
    if (o.match != revision_match::not_older_than)
      return fail(invalid_options(field_forbidden(
          "resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to "
                                  "NotOlderThan")));
    return {};
  }
  if (o.match != revision_match::unset)
    return fail(invalid_options(field_forbidden(
        "resourceVersionMatch",
        "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided")));
  return {};
}

result<void> read_page(list_options& o, const query& q) {
  auto limit = q.integer("limit");
  if (!limit)
    return fail(std::move(limit.error()));
  o.limit = limit->value_or(0);
  if (o.limit < 0)
    return fail(bad_request("limit must not be negative"));
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
    return fail(bad_request("Invalid value: " + quote_go(text) + ": strconv.ParseUint: parsing " +
                            quote_go(text) + ": invalid syntax"));
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
  error e;
  e.why = reason::expired;
  e.message = std::move(message);
  return e;
}

result<list_options> read_list_options(const schema::resource& resource, const request_target& t) {
  const auto& q = t.query;
  list_options o;
  o.label_text = q.get("labelSelector");
  o.field_text = q.get("fieldSelector");
  // The legacy watch of one object names it in its path.
  if (t.verb == "watch" && !t.name.empty() && o.field_text.empty())
    o.field_text = "metadata.name=" + t.name;
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
  auto match = read_match(q);
  if (!match)
    return fail(std::move(match.error()));
  o.match = *match;
  if (!q.get("sendInitialEvents").empty())
    o.initial_events = q.flag("sendInitialEvents");
  o.bookmarks = q.flag("allowWatchBookmarks");
  auto timeout = q.integer("timeoutSeconds");
  if (!timeout)
    return fail(std::move(timeout.error()));
  o.timeout_seconds = *timeout;
  if (auto ok = read_page(o, q); !ok)
    return fail(std::move(ok.error()));
  auto ok = t.verb == "watch" ? check_watch(o) : check_list(o, q);
  if (!ok)
    return fail(std::move(ok.error()));
  return o;
}

} // namespace thespis::api::rest
