// Encryption at rest: what the store's engine writes of chosen resources is AES-GCM, sealed to the
// place it lies at. Memory holds everything plain; nothing but the engine knows of this.
#pragma once

#include "api/result.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace thespis::runtime {

/// How stored values are to look. Immutable, thread-safe.
class encryption {
public:
  /// Reads Kubernetes' EncryptionConfiguration (apiserver.config.k8s.io/v1), YAML. Providers are
  /// `aesgcm` and `identity`; of the first entry that names a resource the first provider (and its
  /// first key) writes and all read. Errors: bad_request that names the field, never a key.
  static api::result<encryption> parse(std::string_view yaml);

  /// The bytes to store. `place` is the storage key: bytes moved elsewhere do not open there.
  std::string seal(std::string_view resource, std::string_view place, std::string_view bytes) const;

  /// What was sealed. Errors: internal_error for an unknown key, a wrong one, or changed bytes.
  api::result<std::string> open(std::string_view resource, std::string_view place,
                                std::string stored) const;

  /// Whether `seal` would write the value in this form, with this key.
  bool is_current(std::string_view resource, std::string_view stored) const;

  /// Whether a stored value is sealed at all.
  static bool is_sealed(std::string_view stored);

private:
  struct key {
    std::string name;
    std::string secret; ///< 16, 24 or 32 bytes
  };
  struct rule {
    std::vector<std::string> resources; ///< "secrets", "deployments.apps", "*.apps", "*.", "*.*"
    std::vector<key> keys;
    bool plain_first = false; ///< identity is the first provider
    bool plain_read = false;  ///< identity is one of them
  };
  friend class encryption_reader;
  const rule* find(std::string_view resource) const;

  std::vector<rule> rules_;
};

} // namespace thespis::runtime
