#include "api/rest/reads.hpp"

#include "api/pipeline/presentation.hpp"
#include "api/pipeline/scale.hpp"
#include "api/rest/answers.hpp"

#include <algorithm>

namespace thespis::api::rest {

namespace {

constexpr std::string_view expired_page =
    "The provided continue parameter is too old to display a consistent list result. You can "
    "start a new list without the continue parameter, or use the continue token in this response "
    "to retrieve the remainder of the results. Continuing with the provided token results in an "
    "inconsistent list - objects that were created, modified, or deleted between the time the "
    "first chunk was returned and now may show up in the list.";

/// The state that the options ask for.
result<listing_cache::listing_ptr> state_for(const exchange& x, const list_options& o) {
  auto& server = *x.server;
  auto resource = x.stored_resource();
  auto exact = [&](uint64_t revision) {
    return server.pages.find(resource, x.target.ns, revision);
  };
  if (o.token && o.token->revision != 0)
    if (auto kept = exact(o.token->revision))
      return kept;
  auto present =
      std::make_shared<const listing>(server.cluster.state().list(resource, x.target.ns));
  if (o.token) {
    if (o.token->revision != 0 && o.token->revision != present->revision)
      return fail(expired_revision(std::string(expired_page)));
    return present;
  }
  auto wanted = o.revision.value_or(0);
  auto newest = std::max(present->revision, server.cluster.state().revision());
  if (wanted > newest)
    return fail(too_large_revision(wanted, newest));
  if (o.match != revision_match::exact || wanted == present->revision)
    return present;
  if (auto kept = exact(wanted))
    return kept;
  return fail(expired_revision("The resourceVersion for the provided list is too old."));
}

/// The first object after the token's key.
size_t first_index(const listing& l, const list_options& o) {
  if (!o.token)
    return 0;
  const auto& start = o.token->start;
  size_t slash = start.find('/');
  std::string ns = slash == start.npos ? std::string{} : start.substr(0, slash);
  std::string name = slash == start.npos ? start : start.substr(slash + 1);
  auto it = std::upper_bound(l.objects.begin(), l.objects.end(), std::tie(ns, name),
                             [](const auto& key, const object_ptr& object) {
                               return key < std::tie(object->ns(), object->name());
                             });
  return static_cast<size_t>(it - l.objects.begin());
}

/// The Status of an expired page carries a token to go on with on the present state.
transport::response answer_expired_page(const error& e, const continue_token& token) {
  auto text = to_status_json(e);
  constexpr std::string_view empty = "\"metadata\":{}";
  if (size_t at = text.find(empty); at != text.npos)
    text.replace(
        at, empty.size(),
        "\"metadata\":{\"continue\":" + json::quote(continue_token{0, token.start}.encode()) + "}");
  return answer(http_code(e.why), "application/json", transport::payload(std::move(text)));
}

} // namespace

result<selected> select_objects(const exchange& x, const list_options& o) {
  auto state = state_for(x, o);
  if (!state)
    return fail(std::move(state.error()));
  const auto& all = (*state)->objects;
  selected out;
  out.revision = (*state)->revision;
  bool everything = o.selector.matches_everything();
  if (everything && o.limit == 0 && !o.token) {
    out.objects = all;
    return out;
  }
  size_t i = first_index(**state, o);
  auto limit = o.limit > 0 ? static_cast<size_t>(o.limit) : all.size();
  for (; i < all.size() && out.objects.size() < limit; ++i)
    if (everything || o.selector.matches(*all[i]))
      out.objects.push_back(all[i]);
  // A page that ends where the matches end must not promise another.
  size_t next = i;
  while (next < all.size() && !everything && !o.selector.matches(*all[next]))
    ++next;
  if (next < all.size()) {
    const auto& last = *out.objects.back();
    out.continue_token = continue_token{out.revision, object_key(last.ns(), last.name())}.encode();
    if (everything)
      out.remaining = static_cast<int64_t>(all.size() - i);
    x.server->pages.put(x.stored_resource(), x.target.ns, *state);
  }
  return out;
}

std::optional<error> check_seen(const exchange& x, uint64_t revision) {
  const auto& state = x.server->cluster.state();
  auto newest = state.revision();
  // A list may be ahead of the whole for a moment, and its revision is as good.
  if (revision > newest)
    newest = std::max(newest, state.list(x.stored_resource(), x.target.ns).revision);
  if (revision > newest)
    return too_large_revision(revision, newest);
  return std::nullopt;
}

transport::response list_objects(const exchange& x) {
  auto o = read_list_options(*x.resource, x.target);
  if (!o)
    return answer(o.error());
  auto found = select_objects(x, *o);
  if (!found && o->token && found.error().why == reason::expired)
    return answer_expired_page(found.error(), *o->token);
  if (!found)
    return answer(found.error());
  if (auto ok = present(*x.resource, found->objects); !ok)
    return answer(ok.error());
  return answer_list(x, {std::move(found->objects), found->revision,
                         std::move(found->continue_token), found->remaining});
}

transport::response get_object(const exchange& x) {
  if (auto text = x.target.query.get("resourceVersion"); !text.empty()) {
    auto wanted = read_revision(text);
    if (!wanted)
      return answer(wanted.error());
    if (auto e = check_seen(x, *wanted))
      return answer(*e);
  }
  auto object = x.find_object();
  if (!object)
    return answer(object.error());
  if (!*object)
    return answer(not_found(x.group_resource(), x.target.name));
  return answer_object(x, 200, *object);
}

transport::response get_scale(const exchange& x) {
  auto object = x.find_object();
  if (!object)
    return answer(object.error());
  if (!*object)
    return answer(not_found(x.group_resource(), x.target.name));
  auto text = scale_of(*x.resource, **object);
  if (!text)
    return answer(text.error());
  auto form = x.form;
  form.shape = shape::plain;
  return answer(200, std::move(*text), form);
}

transport::response read_objects(const exchange& x) {
  if (x.target.verb == "list")
    return list_objects(x);
  return x.target.subresource == "scale" ? get_scale(x) : get_object(x);
}

} // namespace thespis::api::rest
