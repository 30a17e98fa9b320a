// Whether a TLS server is the one that was meant, judged and worded as Go does.
#pragma once

#include <boost/asio/ssl.hpp>

#include <string>
#include <vector>

namespace thespis::api::outbound {

/// One handshake's verification. Outlives the stream that it was given.
class tls_peer {
public:
  /// `host` is the name or literal address that the certificate must be for.
  explicit tls_peer(std::string host) : host_(std::move(host)) {}

  /// Sets protocol versions and the only authorities to trust, PEM; empty for the machine's. False
  /// when they cannot be read.
  static bool trust(boost::asio::ssl::context& context, const std::string& ca_bundle);

  /// Has the stream's handshake judged by this object.
  template <class Stream>
  void judge(boost::asio::ssl::stream<Stream>& stream) {
    expect(stream.native_handle());
    stream.set_verify_mode(boost::asio::ssl::verify_peer);
    stream.set_verify_callback(
        [this](bool good, boost::asio::ssl::verify_context& c) { return note(good, c); });
  }
  /// Names the host to a server of which nothing else is asked.
  void announce(SSL* ssl) const;

  /// Why the handshake failed: "tls: failed to verify certificate: ..." and the like.
  std::string failure(const boost::system::error_code& ec) const;

private:
  void expect(SSL* ssl);
  bool note(bool good, boost::asio::ssl::verify_context& context);
  bool literal() const;
  std::string distrust() const;

  std::string host_;
  int verdict_ = X509_V_OK;
  std::vector<std::string> dns_, ip_; ///< what the refused certificate is for
};

/// As Go prints an errno: "connection refused".
std::string errno_words(const boost::system::error_code& ec);

} // namespace thespis::api::outbound
