// Asks one webhook about one request: AdmissionReview there and back.
#pragma once

#include "api/admission/webhook_config.hpp"
#include "api/outbound/client.hpp"

namespace thespis::api::admission {

/// What a webhook had to say.
struct webhook_answer {
  bool allowed = false;
  error denial;      ///< when it was not allowed: what the client is told
  std::string patch; ///< JSON Patch, empty for none
  std::vector<std::string> warnings;
};

/// Why a webhook could not be asked, or understood: `failed calling webhook "x": ...`.
struct webhook_failure {
  std::string message;
};

/// An AdmissionReview that asks about the request.
std::string review_request(const request& r, const std::string& uid);

/// Reads the answer to the review of that uid. Only mutating webhooks may patch.
tl::expected<webhook_answer, webhook_failure> read_review(const webhook& h, const std::string& body,
                                                          const std::string& uid, bool mutating);

/// The request to send: the webhook's URL, or that of its service at one of its endpoints.
/// `spread` chooses among endpoints. Errors: what is missing.
tl::expected<outbound::request, std::string> address_of(const webhook& h, const reader& state,
                                                        uint64_t spread);

/// All of these. Blocks, at most about the webhook's timeout; `client` may be null.
tl::expected<webhook_answer, webhook_failure> ask_webhook(const webhook& h, const request& r,
                                                          const std::string& uid, bool mutating,
                                                          outbound::client* client);

} // namespace thespis::api::admission
