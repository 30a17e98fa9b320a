#include "api/table/table.hpp"

#include "api/table/cells.hpp"

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

namespace thespis::api::table {

namespace {

class writer {
public:
  writer() : json_(buffer_) {}

  void open() { json_.StartObject(); }
  void close() { json_.EndObject(); }
  void open_array() { json_.StartArray(); }
  void close_array() { json_.EndArray(); }
  void key(std::string_view k) { json_.Key(k.data(), static_cast<rapidjson::SizeType>(k.size())); }
  void string(std::string_view s) {
    json_.String(s.empty() ? "" : s.data(), static_cast<rapidjson::SizeType>(s.size()));
  }
  void member(std::string_view k, std::string_view s) {
    key(k);
    string(s);
  }
  void member(std::string_view k, int64_t n) {
    key(k);
    json_.Int64(n);
  }
  void raw(std::string_view s) { json_.RawValue(s.data(), s.size(), rapidjson::kObjectType); }
  void value(const cell& c) { std::visit(put_cell{*this}, c); }
  std::string take() { return {buffer_.GetString(), buffer_.GetSize()}; }

private:
  struct put_cell {
    writer& w;
    void operator()(std::monostate) const { w.json_.Null(); }
    void operator()(const std::string& s) const { w.string(s); }
    void operator()(int64_t n) const { w.json_.Int64(n); }
    void operator()(double d) const { w.json_.Double(d); }
    void operator()(bool b) const { w.json_.Bool(b); }
  };

  rapidjson::StringBuffer buffer_;
  rapidjson::Writer<rapidjson::StringBuffer> json_;
};

std::vector<schema::column> columns_of(const schema::resource& resource) {
  auto columns = resource.columns;
  schema::column name;
  name.name = "Name";
  name.type = "string";
  name.format = "name";
  name.source = ".metadata.name";
  name.about = "The name of the object, unique within its namespace.";
  // Columns of run-time kinds come without the name.
  if (columns.empty() || columns.front().format != "name")
    columns.insert(columns.begin(), name);
  if (columns.size() == 1) {
    schema::column age;
    age.name = "Age";
    age.type = "date";
    age.source = ".metadata.creationTimestamp";
    age.about = "The time since the object was created.";
    columns.push_back(age);
  }
  return columns;
}

void write_columns(writer& w, const std::vector<schema::column>& columns, bool headers) {
  w.key("columnDefinitions");
  w.open_array();
  for (const auto& c : columns) {
    if (!headers)
      break;
    w.open();
    w.member("name", c.name);
    w.member("type", c.type);
    w.member("format", c.format);
    w.member("description", c.about);
    w.member("priority", static_cast<int64_t>(c.priority));
    w.close();
  }
  w.close_array();
}

row cells_of(const printer* p, const std::vector<schema::column>& columns,
             const json::value& object, timestamp now) {
  if (p)
    return p->cells(object, now);
  row cells;
  for (const auto& c : columns)
    cells.push_back(evaluate(c, object, now));
  return cells;
}

void write_partial(writer& w, const json::value& doc, std::string_view version) {
  w.open();
  w.member("kind", "PartialObjectMetadata");
  w.member("apiVersion", "meta.k8s.io/" + std::string(version));
  w.key("metadata");
  const auto* metadata = json::find(doc, "metadata");
  w.raw(metadata ? json::to_string(*metadata) : "{}");
  w.close();
}

void write_list_meta(writer& w, const list_meta& meta) {
  w.key("metadata");
  w.open();
  w.member("resourceVersion", meta.revision == 0 ? std::string{} : std::to_string(meta.revision));
  if (!meta.continue_token.empty())
    w.member("continue", meta.continue_token);
  if (meta.remaining > 0)
    w.member("remainingItemCount", meta.remaining);
  w.close();
}

} // namespace

std::string render(const schema::resource& resource, const std::vector<object_ptr>& objects,
                   const list_meta& meta, const options& o) {
  const auto* p = find_printer(resource.group_resource());
  auto columns = p ? p->columns : columns_of(resource);
  writer w;
  w.open();
  w.member("kind", "Table");
  w.member("apiVersion", "meta.k8s.io/" + o.version);
  write_list_meta(w, meta);
  write_columns(w, columns, o.headers);
  w.key("rows");
  w.open_array();
  for (const auto& object : objects) {
    auto doc = object->parse();
    w.open();
    w.key("cells");
    w.open_array();
    for (const auto& c : cells_of(p, columns, doc, o.now))
      w.value(c);
    w.close_array();
    w.key("object");
    switch (o.include) {
    case include_object::none:
      w.raw("null");
      break;
    case include_object::metadata:
      write_partial(w, doc, o.version);
      break;
    case include_object::object:
      w.raw(object->bytes());
      break;
    }
    w.close();
  }
  w.close_array();
  w.close();
  return w.take();
}

std::string partial_metadata(const object& o, std::string_view version) {
  auto doc = o.parse();
  writer w;
  write_partial(w, doc, version);
  return w.take();
}

} // namespace thespis::api::table
