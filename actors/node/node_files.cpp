#include "actors/node/node_files.hpp"

#include "actors/pod/host_files.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <vector>

namespace thespis::actors {

namespace {

namespace fs = std::filesystem;

std::string escaped(const std::string& name) {
  std::string res;
  for (const char c : name)
    switch (c) {
    case '&':
      res += "&amp;";
      break;
    case '<':
      res += "&lt;";
      break;
    case '>':
      res += "&gt;";
      break;
    case '"':
      res += "&#34;";
      break;
    default:
      res += c;
    }
  return res;
}

node_page listing(const fs::path& folder, bool with_pods) {
  std::set<std::string> names;
  std::error_code failed;
  for (auto i = fs::directory_iterator{folder, failed}; !failed && i != fs::directory_iterator{};
       i.increment(failed)) {
    std::error_code unknown;
    names.insert(i->path().filename().string() + (i->is_directory(unknown) ? "/" : ""));
  }
  if (with_pods)
    names.insert("pods/");
  node_page res{200, "text/html; charset=utf-8", "<!doctype html>\n<pre>\n"};
  for (const auto& n : names)
    res.body += "<a href=\"" + escaped(n) + "\">" + escaped(n) + "</a>\n";
  res.body += "</pre>\n";
  return res;
}

} // namespace

node_page log_page(const std::string& path, const std::string& data_dir, const std::string& root) {
  const bool pods = path == "/pods" || path.starts_with("/pods/");
  const std::string base = pods ? data_dir + "/logs" : root;
  auto relative = path.substr(std::min(path.find_first_not_of('/'), path.size()));
  const auto opened = open_beneath(base, relative.empty() ? "." : relative, false);
  if (!opened)
    return text_page(404, "404 page not found\n");
  const fs::path there = opened->path();
  std::error_code failed;
  if (fs::is_directory(there, failed))
    return listing(there, relative.empty());
  if (!fs::is_regular_file(there, failed))
    return text_page(404, "404 page not found\n");
  if (fs::file_size(there, failed) > max_log_page || failed)
    return text_page(413, "the file is longer than " + std::to_string(max_log_page) + " bytes\n");
  std::ifstream in{there, std::ios::binary};
  std::string body{std::istreambuf_iterator<char>{in}, {}};
  // It may have grown meanwhile.
  if (body.size() > max_log_page)
    body.resize(max_log_page);
  return text_page(200, std::move(body));
}

} // namespace thespis::actors
