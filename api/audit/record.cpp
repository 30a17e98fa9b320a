#include "api/audit/record.hpp"

#include "api/json.hpp"

namespace thespis::api::audit {

namespace {

std::string list_json(const std::vector<std::string>& list) {
  std::string out = "[";
  for (const auto& x : list)
    out.append(out.size() > 1 ? "," : "").append(json::quote(x));
  return out + "]";
}

void strip(json::value& object) {
  if (!object.IsObject())
    return;
  if (auto* meta = json::find(object, "metadata"); meta != nullptr && meta->IsObject())
    json::erase(*meta, "managedFields");
}

/// metav1.Status without what a client sees anyway.
std::string status_json(int code, std::string_view body) {
  std::string out = R"({"metadata":{})";
  if (code >= 400)
    if (auto doc = json::parse(body); doc && json::get_string(*doc, "kind") == "Status")
      for (const auto* key : {"status", "message", "reason"})
        if (const auto text = json::get_string(*doc, key); !text.empty())
          out.append(",\"").append(key).append("\":").append(json::quote(text));
  return out + ",\"code\":" + std::to_string(code) + "}";
}

} // namespace

std::string user_json(const user_info& u) {
  std::string out = "{\"username\":" + json::quote(u.name);
  if (!u.uid.empty())
    out += ",\"uid\":" + json::quote(u.uid);
  if (!u.groups.empty())
    out += ",\"groups\":" + list_json(u.groups);
  if (!u.extra.empty()) {
    out += ",\"extra\":{";
    bool first = true;
    for (const auto& [key, values] : u.extra)
      out.append(std::exchange(first, false) ? "" : ",")
          .append(json::quote(key))
          .append(":")
          .append(list_json(values));
    out += "}";
  }
  return out + "}";
}

std::string without_managed_fields(std::string_view text) {
  auto doc = json::parse(text);
  if (!doc || !doc->IsObject())
    return std::string{text};
  strip(*doc);
  if (auto* items = json::find(*doc, "items"); items != nullptr && items->IsArray())
    for (auto& item : items->GetArray())
      strip(item);
  return json::to_string(*doc);
}

void record::set_request(std::string_view text) {
  if (decision_.how < level::request || text.empty())
    return;
  // A patch may be no object, and what a client sends may be no JSON at all.
  const std::lock_guard lock{mutex_};
  request_ = decision_.omit_managed_fields ? without_managed_fields(text) : std::string{text};
  if (!json::parse(request_))
    request_ = json::quote(request_);
}

std::string record::bodies(stage s, int status, std::string_view body) const {
  std::string out;
  if (status > 0)
    out += ",\"responseStatus\":" + status_json(status, body);
  if (!request_.empty())
    out += ",\"requestObject\":" + request_;
  if (decision_.how == level::request_response && s == stage::response_complete && !body.empty())
    out += ",\"responseObject\":" +
           (decision_.omit_managed_fields ? without_managed_fields(body) : std::string{body});
  return out;
}

void record::tell(stage s, int status, std::string_view body) {
  const std::lock_guard lock{mutex_};
  if (s == stage::response_complete && std::exchange(complete_, true))
    return;
  if (decision_.how == level::none || decision_.omits(s))
    return;
  std::string line = R"({"kind":"Event","apiVersion":"audit.k8s.io/v1","level":")";
  line.append(to_string(decision_.how)).append(R"(","auditID":)").append(json::quote(id));
  line.append(R"(,"stage":")").append(to_string(s)).append("\",\"requestURI\":");
  line.append(json::quote(uri)).append(",\"verb\":").append(json::quote(verb));
  line.append(",\"user\":").append(user_json(user));
  if (!impersonated.empty())
    line.append(",\"impersonatedUser\":").append(impersonated);
  if (!addresses.empty())
    line.append(",\"sourceIPs\":").append(list_json(addresses));
  if (!user_agent.empty())
    line.append(",\"userAgent\":").append(json::quote(user_agent));
  if (!object_ref.empty())
    line.append(",\"objectRef\":").append(object_ref);
  line.append(bodies(s, status, body));
  line.append(",\"requestReceivedTimestamp\":\"").append(format_micro_time(received));
  line.append("\",\"stageTimestamp\":\"").append(format_micro_time(to_->now())).append("\"");
  if (!annotations.empty()) {
    line += ",\"annotations\":{";
    for (size_t i = 0; i < annotations.size(); ++i)
      line.append(i > 0 ? "," : "")
          .append(json::quote(annotations[i].first))
          .append(":")
          .append(json::quote(annotations[i].second));
    line += "}";
  }
  to_->to->write(line + "}");
}

} // namespace thespis::api::audit
