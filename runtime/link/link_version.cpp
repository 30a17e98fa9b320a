#include "runtime/link/link_version.hpp"

#include <caf/binary_serializer.hpp>
#include <caf/type_erased_value.hpp>
#include <openssl/evp.h>

#include <array>
#include <map>
#include <vector>

namespace thespis::runtime::link {

namespace {

constexpr size_t digest_digits = 12;

/// Bytes that a new value takes. Not their contents: a field may have no default.
size_t wire_size(caf::actor_system& sys, const caf::type_erased_value& value) {
  std::vector<char> bytes;
  caf::binary_serializer sink{sys, bytes};
  (void)value.save(sink); // what cannot be written, cannot in any build like this one
  return bytes.size();
}

/// CAF adds what it sends itself when a system is made, as far as its modules are loaded.
bool is_of_caf(const std::string& name) {
  return name.find('@') != std::string::npos;
}

std::string digest_of(const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> raw{};
  unsigned size = 0;
  EVP_Digest(text.data(), text.size(), raw.data(), &size, EVP_sha256(), nullptr);
  std::string res;
  for (size_t i = 0; res.size() < digest_digits; ++i) {
    constexpr const char* digits = "0123456789abcdef";
    res += digits[raw[i] >> 4];
    res += digits[raw[i] & 15];
  }
  return res;
}

} // namespace

std::string link_protocol(caf::actor_system& sys, const caf::actor_system_config& types) {
  // In order: the table of the configuration has none.
  std::map<std::string, size_t> sizes;
  for (const auto& [name, make] : types.value_factories_by_name)
    if (!is_of_caf(name))
      sizes[name] = wire_size(sys, *make());
  std::string text;
  for (const auto& [name, size] : sizes)
    text += name + ' ' + std::to_string(size) + '\n';
  return std::string{link_base} + '-' + digest_of(text);
}

} // namespace thespis::runtime::link
