#include "runtime/cri/pause_image.hpp"

#include <openssl/evp.h>

#include <cstdio>

// The program is built before this file and linked in as it is.
asm(".section .rodata\n"
    ".balign 16\n"
    ".global thespis_pause_begin\n"
    "thespis_pause_begin:\n"
    ".incbin \"" THESPIS_PAUSE_PROGRAM "\"\n"
    ".global thespis_pause_end\n"
    "thespis_pause_end:\n"
    ".byte 0\n"
    ".previous\n");

extern "C" const char thespis_pause_begin[];
extern "C" const char thespis_pause_end[];

namespace thespis::runtime {

namespace {

constexpr size_t tar_block = 512;

#if defined(__aarch64__)
constexpr std::string_view architecture = "arm64";
#else
constexpr std::string_view architecture = "amd64";
#endif

std::string sha256_hex(std::string_view bytes) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_Digest(bytes.data(), bytes.size(), digest, &length, EVP_sha256(), nullptr);
  std::string out;
  for (unsigned i = 0; i < length; ++i) {
    char hex[3];
    std::snprintf(hex, sizeof(hex), "%02x", digest[i]);
    out += hex;
  }
  return out;
}

/// Appends a regular file in ustar format, owned by root at the epoch.
void add_file(std::string& tar, const std::string& name, unsigned mode, std::string_view bytes) {
  char header[tar_block] = {};
  std::snprintf(header, 100, "%s", name.c_str());
  std::snprintf(header + 100, 8, "%07o", mode);
  std::snprintf(header + 108, 8, "%07o", 0U);
  std::snprintf(header + 116, 8, "%07o", 0U);
  std::snprintf(header + 124, 12, "%011zo", bytes.size());
  std::snprintf(header + 136, 12, "%011o", 0U);
  std::memset(header + 148, ' ', 8); // the checksum counts as blanks
  header[156] = '0';
  std::memcpy(header + 257,
              "ustar\0"
              "00",
              8);
  unsigned sum = 0;
  for (const char c : header)
    sum += static_cast<unsigned char>(c);
  std::snprintf(header + 148, 8, "%06o", sum);
  tar.append(header, tar_block);
  tar += bytes;
  tar.append((tar_block - bytes.size() % tar_block) % tar_block, '\0');
}

std::string finish(std::string tar) {
  tar.append(2 * tar_block, '\0');
  return tar;
}

std::string descriptor(std::string_view media_type, std::string_view bytes) {
  return R"({"mediaType":"application/vnd.oci.image.)" + std::string{media_type} +
         R"(","digest":"sha256:)" + sha256_hex(bytes) + R"(","size":)" +
         std::to_string(bytes.size());
}

} // namespace

std::string make_pause_image() {
  const std::string_view program{thespis_pause_begin,
                                 static_cast<size_t>(thespis_pause_end - thespis_pause_begin)};
  std::string layer;
  add_file(layer, "pause", 0755, program);
  layer = finish(std::move(layer));

  const std::string config =
      R"({"architecture":")" + std::string{architecture} +
      R"(","os":"linux","config":{"Entrypoint":["/pause"],"WorkingDir":"/"},)"
      R"("rootfs":{"type":"layers","diff_ids":["sha256:)" +
      sha256_hex(layer) + R"("]},"history":[{"created_by":"thespis"}]})";
  const std::string manifest =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
      descriptor("config.v1+json", config) + R"(},"layers":[)" + descriptor("layer.v1.tar", layer) +
      "}]}";
  const std::string index = R"({"schemaVersion":2,"manifests":[)" +
                            descriptor("manifest.v1+json", manifest) +
                            R"(,"platform":{"architecture":")" + std::string{architecture} +
                            R"(","os":"linux"},"annotations":{"io.containerd.image.name":")" +
                            std::string{pause_image_reference} + R"("}}]})";

  std::string tar;
  add_file(tar, "oci-layout", 0644, R"({"imageLayoutVersion":"1.0.0"})");
  add_file(tar, "index.json", 0644, index);
  for (const std::string_view blob :
       std::initializer_list<std::string_view>{layer, config, manifest})
    add_file(tar, "blobs/sha256/" + sha256_hex(blob), 0644, blob);
  return finish(std::move(tar));
}

} // namespace thespis::runtime
