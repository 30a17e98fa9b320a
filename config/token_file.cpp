#include "config/token_file.hpp"

#include "config/csv.hpp"
#include "config/files.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>

#include <spdlog/spdlog.h>

namespace thespis::config {

namespace {

tl::unexpected<api::error> refuse(const std::string& name, int line, const std::string& what) {
  return api::fail(api::reason::bad_request, name + ":" + std::to_string(line) + ": " + what);
}

std::vector<std::string> split_groups(std::string_view text) {
  std::vector<std::string> groups;
  while (!text.empty()) {
    auto comma = text.find(',');
    if (comma != 0)
      groups.emplace_back(text.substr(0, comma));
    text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
  }
  return groups;
}

} // namespace

token_file::digest token_file::digest_of(std::string_view token) const {
  digest out{};
  std::string salted(salt_.begin(), salt_.end());
  salted += token;
  EVP_Digest(salted.data(), salted.size(), out.data(), nullptr, EVP_sha256(), nullptr);
  OPENSSL_cleanse(salted.data(), salted.size());
  return out;
}

api::result<token_file> token_file::parse(std::string_view text, const std::string& name) {
  auto records = parse_csv(text, name);
  if (!records)
    return api::fail(records.error());
  token_file out;
  if (RAND_bytes(out.salt_.data(), static_cast<int>(out.salt_.size())) != 1)
    return refuse(name, 1, "no random numbers to protect the tokens with");
  for (auto& record : *records) {
    auto& fields = record.fields;
    if (fields.size() < 3)
      return refuse(name, record.line,
                    "expected at least 3 columns (token, user, uid), found " +
                        std::to_string(fields.size()));
    if (fields.size() > 4)
      return refuse(name, record.line,
                    "expected at most 4 columns, found " + std::to_string(fields.size()) +
                        "; several groups stand in one column in quotes: \"group1,group2\"");
    if (fields[0].empty())
      return refuse(name, record.line, "expected a token, found an empty column");
    if (fields[1].empty())
      return refuse(name, record.line, "expected a user name, found an empty column");
    auto groups = fields.size() > 3 ? split_groups(fields[3]) : std::vector<std::string>{};
    auto [at, fresh] = out.identities_.insert_or_assign(
        out.digest_of(fields[0]), token_identity{fields[1], fields[2], std::move(groups)});
    OPENSSL_cleanse(fields[0].data(), fields[0].size());
    if (!fresh)
      spdlog::warn("{}:{}: a token stands here again; this record counts", name, record.line);
  }
  return out;
}

api::result<token_file> token_file::load(const std::string& path) {
  auto text = read_file(path);
  if (!text)
    return api::fail(text.error());
  auto out = parse(*text, path);
  OPENSSL_cleanse(text->data(), text->size());
  return out;
}

const token_identity* token_file::find(std::string_view token) const {
  auto at = identities_.find(digest_of(token));
  return at == identities_.end() ? nullptr : &at->second;
}

} // namespace thespis::config
