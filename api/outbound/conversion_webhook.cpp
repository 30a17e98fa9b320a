#include "api/outbound/conversion_webhook.hpp"

#include "api/outbound/service_target.hpp"
#include "api/text/base64.hpp"

namespace thespis::api::outbound {

namespace {

constexpr std::chrono::seconds time_limit{30};
/// A list is converted in one call, and may be large.
constexpr size_t max_answer = 64 * 1024 * 1024;

/// What a definition says of its webhook.
struct webhook_config {
  std::string url; ///< empty: the Service's
  std::string service_ns, service_name, path;
  int64_t port = 443;
  std::string ca_bundle;
  std::string review_version = "v1";
};

webhook_config read_config(const json::value& conversion) {
  webhook_config c;
  const auto* client = json::at(conversion, {"webhook", "clientConfig"});
  if (client && client->IsObject()) {
    c.url = json::get_string(*client, "url");
    if (auto ca = decode_base64(json::get_string(*client, "caBundle")))
      c.ca_bundle = std::move(*ca);
    if (const auto* s = json::find(*client, "service"); s && s->IsObject()) {
      c.service_ns = json::get_string(*s, "namespace");
      c.service_name = json::get_string(*s, "name");
      c.path = json::get_string(*s, "path");
      c.port = json::get_int(*s, "port", 443);
    }
  }
  const auto* versions = json::at(conversion, {"webhook", "conversionReviewVersions"});
  if (versions && versions->IsArray())
    for (const auto& v : versions->GetArray())
      if (const auto name = json::as_string(v); name == "v1" || name == "v1beta1") {
        c.review_version = name;
        break;
      }
  return c;
}

std::string_view meta(const json::value& doc, std::string_view key) {
  const auto* m = json::find(doc, "metadata");
  return m ? json::get_string(*m, key) : std::string_view{};
}

class webhook_converter final : public schema::converter {
public:
  webhook_converter(conversion_deps deps, webhook_config config)
      : deps_(std::move(deps)), config_(std::move(config)) {}

  bool calls_out() const override { return true; }

  result<void> convert(const std::vector<json::document*>& docs,
                       const std::string& api_version) const override {
    if (docs.empty())
      return {};
    const auto about = "conversion webhook for " +
                       std::string(json::get_string(*docs.front(), "apiVersion")) +
                       ", Kind=" + std::string(json::get_string(*docs.front(), "kind"));
    auto answer = ask(docs, api_version);
    if (!answer)
      return fail(failure(about + " failed: " + answer.error().message));
    return take(docs, *answer, api_version, about);
  }

private:
  static error failure(std::string message) {
    error e;
    e.message = std::move(message);
    return e;
  }

  std::string review(const std::vector<json::document*>& docs, const std::string& api_version,
                     const std::string& uid) const {
    std::string out = "{\"kind\":\"ConversionReview\",\"apiVersion\":\"apiextensions.k8s.io/" +
                      config_.review_version + "\",\"request\":{\"uid\":" + json::quote(uid) +
                      ",\"desiredAPIVersion\":" + json::quote(api_version) + ",\"objects\":[";
    for (size_t i = 0; i < docs.size(); ++i)
      out.append(i ? "," : "").append(json::to_string(*docs[i]));
    return out + "]},\"response\":null}";
  }

  /// The answer's `response`, of the same uid and successful.
  result<json::document> ask(const std::vector<json::document*>& docs,
                             const std::string& api_version) const {
    request r;
    r.url = config_.url;
    if (r.url.empty()) {
      auto target =
          find_service(*deps_.state, config_.service_ns, config_.service_name, config_.port);
      r.url = "https://" + config_.service_name + "." + config_.service_ns +
              ".svc:" + std::to_string(config_.port) +
              (config_.path.empty() || config_.path[0] == '/' ? "" : "/") + config_.path;
      if (!target)
        return fail(std::move(target.error()));
      r.address = target->address;
      r.port = target->port;
    }
    const auto uid = deps_.new_uid();
    r.url += (r.url.find('?') == std::string::npos ? "?timeout=" : "&timeout=") +
             std::to_string(time_limit.count()) + "s";
    r.ca_bundle = config_.ca_bundle;
    r.body = review(docs, api_version, uid);
    r.timeout = time_limit;
    r.max_answer = max_answer;
    auto got = deps_.http->send(r);
    if (!got)
      return fail(std::move(got.error()));
    if (got->code != 200)
      return fail(
          failure("the server rejected our request: HTTP status " + std::to_string(got->code)));
    json::limits limits;
    limits.max_bytes = max_answer;
    auto doc = json::parse(got->body, limits);
    if (!doc)
      return doc;
    return check(std::move(*doc), uid);
  }

  result<json::document> check(json::document doc, const std::string& uid) const {
    const auto version = "apiextensions.k8s.io/" + config_.review_version;
    if (json::get_string(doc, "kind") != "ConversionReview" ||
        json::get_string(doc, "apiVersion") != version)
      return fail(failure("expected webhook response of " + version + ", Kind=ConversionReview"));
    const auto* response = json::find(doc, "response");
    if (!response || !response->IsObject())
      return fail(failure("no response provided"));
    if (json::get_string(*response, "uid") != uid)
      return fail(failure("expected response.uid=" + json::quote(uid)));
    const auto* result = json::find(*response, "result");
    if (!result || json::get_string(*result, "status") != "Success") {
      const auto said = result ? json::get_string(*result, "message") : std::string_view{};
      return fail(
          failure(said.empty() ? "response.result.status was not \"Success\"" : std::string(said)));
    }
    return doc;
  }

  /// Puts the converted objects into the place of the others.
  static result<void> take(const std::vector<json::document*>& docs, json::document& answer,
                           const std::string& api_version, const std::string& about) {
    const auto* made = json::at(answer, {"response", "convertedObjects"});
    const size_t count = made && made->IsArray() ? made->Size() : 0;
    if (count != docs.size())
      return fail(failure(about + " returned " + std::to_string(count) + " objects, expected " +
                          std::to_string(docs.size())));
    for (rapidjson::SizeType i = 0; i < made->Size(); ++i) {
      const auto& next = (*made)[i];
      if (auto why = mismatch(*docs[i], next, api_version); !why.empty())
        return fail(failure(about + " returned invalid converted object at index " +
                            std::to_string(i) + ": " + why));
      replace(*docs[i], next);
    }
    return {};
  }

  static std::string mismatch(const json::value& before, const json::value& next,
                              const std::string& api_version) {
    if (!next.IsObject())
      return "must be an object";
    if (const auto got = json::get_string(next, "apiVersion"); got != api_version)
      return "invalid groupVersion (received " + std::string(got) + " expected " + api_version +
             ")";
    const auto differs = [](std::string_view what, std::string_view a, std::string_view b) {
      return a == b ? std::string{}
                    : "must have the same " + std::string(what) + ": " + std::string(b) +
                          " != " + std::string(a);
    };
    if (auto why =
            differs("kind", json::get_string(before, "kind"), json::get_string(next, "kind"));
        !why.empty())
      return why;
    if (const auto* m = json::find(next, "metadata"); !m || !m->IsObject())
      return "missing metadata in converted object";
    for (auto key : {"name", "namespace"})
      if (auto why = differs(key, meta(before, key), meta(next, key)); !why.empty())
        return why;
    return differs("UID", meta(before, "uid"), meta(next, "uid"));
  }

  /// Of metadata only labels and annotations may come from the webhook.
  static void replace(json::document& doc, const json::value& next) {
    auto& a = doc.GetAllocator();
    auto kept = json::copy(*json::find(doc, "metadata"), a);
    for (auto key : {"labels", "annotations"}) {
      const auto* m = json::find(*json::find(next, "metadata"), key);
      if (m && m->IsObject())
        json::set(kept, key, json::copy(*m, a), a);
      else
        json::erase(kept, key);
    }
    json::value fresh(rapidjson::kObjectType);
    for (auto key : {"kind", "apiVersion"})
      json::set(fresh, key, json::get_string(next, key), a);
    json::set(fresh, "metadata", std::move(kept), a);
    for (const auto& m : next.GetObject())
      if (!json::find(fresh, json::as_string(m.name)))
        fresh.AddMember(json::copy(m.name, a), json::copy(m.value, a), a);
    static_cast<json::value&>(doc) = fresh;
  }

  conversion_deps deps_;
  webhook_config config_;
};

} // namespace

crd::webhook_factory conversion_webhooks(conversion_deps deps) {
  return [deps = std::move(deps)](const json::value& conversion, const std::string&) {
    return std::make_shared<const webhook_converter>(deps, read_config(conversion));
  };
}

} // namespace thespis::api::outbound
