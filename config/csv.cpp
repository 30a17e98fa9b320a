#include "config/csv.hpp"

namespace thespis::config {

namespace {

class csv_parser {
public:
  csv_parser(std::string_view text, const std::string& name) : text_{text}, name_{name} {}

  api::result<std::vector<csv_record>> run() {
    std::vector<csv_record> records;
    while (at_ < text_.size()) {
      if (skip_line_end())
        continue;
      csv_record record{line_, {}};
      do {
        auto field = peek() == '"' ? quoted() : bare();
        if (!field)
          return api::fail(field.error());
        record.fields.push_back(std::move(*field));
      } while (skip(','));
      records.push_back(std::move(record));
      skip_line_end();
    }
    return records;
  }

private:
  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  bool skip(char c) {
    if (at_ >= text_.size() || text_[at_] != c)
      return false;
    ++at_;
    return true;
  }

  bool at_line_end() const {
    return text_.substr(at_, 1) == "\n" || text_.substr(at_, 2) == "\r\n";
  }

  bool skip_line_end() {
    if (!at_line_end())
      return false;
    skip('\r');
    skip('\n');
    ++line_;
    return true;
  }

  api::result<std::string> bare() {
    std::string out;
    while (at_ < text_.size() && text_[at_] != ',' && !at_line_end()) {
      if (text_[at_] == '"')
        return refuse(line_, "a quote inside a field that does not start with one");
      out += text_[at_++];
    }
    return out;
  }

  api::result<std::string> quoted() {
    std::string out;
    int start = line_;
    ++at_;
    while (at_ < text_.size()) {
      char c = text_[at_++];
      if (c == '"' && !skip('"')) {
        if (at_ < text_.size() && text_[at_] != ',' && !at_line_end())
          return refuse(line_, "text after a closing quote");
        return out;
      }
      line_ += c == '\n';
      out += c;
    }
    return refuse(start, "a quote that is never closed");
  }

  tl::unexpected<api::error> refuse(int line, const std::string& what) const {
    return api::fail(api::reason::bad_request, name_ + ":" + std::to_string(line) + ": " + what);
  }

  std::string_view text_;
  const std::string& name_;
  size_t at_ = 0;
  int line_ = 1;
};

} // namespace

api::result<std::vector<csv_record>> parse_csv(std::string_view text, const std::string& name) {
  return csv_parser{text, name}.run();
}

} // namespace thespis::config
