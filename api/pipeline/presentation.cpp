#include "api/pipeline/presentation.hpp"

#include "api/schema/decode.hpp"
#include "api/schema/defaults.hpp"

namespace thespis::api {

namespace {

/// What an object shows of the version it was stored in.
void fill_in(const schema::resource& r, json::document& doc) {
  if (!r.versions)
    return;
  const auto i = r.versions->types.find(json::get_string(doc, "apiVersion"));
  if (i != r.versions->types.end() && i->second->custom)
    i->second->custom->apply_defaults(doc, doc.GetAllocator());
}

result<void> convert(const schema::resource& r, std::vector<json::document>& docs) {
  const auto wanted = r.api_version();
  std::vector<json::document*> foreign;
  for (auto& doc : docs)
    if (json::get_string(doc, "apiVersion") != wanted)
      foreign.push_back(&doc);
  if (foreign.empty())
    return {};
  if (!r.versions || !r.versions->convert)
    return fail(
        internal_error("objects of " + r.group_resource() + " cannot be converted to " + wanted));
  return r.versions->convert->convert(foreign, wanted);
}

/// The object of a finished document; the stored one when nothing differs.
object_ptr finish(const schema::resource& r, const object_ptr& stored, json::document& doc) {
  if (r.type && r.type->custom)
    // What does not fit was accepted once and is shown as it is.
    (void)r.type->custom->conform(doc, doc.GetAllocator(), nullptr);
  auto bytes = json::to_string(doc);
  auto shown = bytes == stored->bytes()
                   ? stored
                   : std::make_shared<const object>(stored->meta(), std::move(bytes));
  shown->set_fits(r.epoch);
  return shown;
}

} // namespace

bool is_verbatim(const schema::resource& r, const object& o) {
  return r.epoch == 0 || o.fits() == r.epoch;
}

result<object_ptr> present(const schema::resource& r, const object_ptr& o) {
  if (is_verbatim(r, *o))
    return o;
  std::vector<object_ptr> one{o};
  if (auto ok = present(r, one); !ok)
    return fail(std::move(ok.error()));
  return std::move(one.front());
}

result<void> present(const schema::resource& r, std::vector<object_ptr>& objects) {
  if (r.epoch == 0)
    return {};
  std::vector<size_t> which;
  std::vector<json::document> docs;
  for (size_t i = 0; i < objects.size(); ++i)
    if (!is_verbatim(r, *objects[i])) {
      which.push_back(i);
      docs.push_back(objects[i]->parse());
      fill_in(r, docs.back());
    }
  if (auto ok = convert(r, docs); !ok)
    return ok;
  for (size_t i = 0; i < which.size(); ++i)
    objects[which[i]] = finish(r, objects[which[i]], docs[i]);
  return {};
}

bool is_stale(const schema::resource& r, const object& o) {
  return r.versions && json::get_string(o.parse(), "apiVersion") != r.versions->stored;
}

} // namespace thespis::api
