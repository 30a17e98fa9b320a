#include "api/rest/node_pages.hpp"

#include "api/rest/answers.hpp"

namespace thespis::api::rest {

namespace {

transport::outcome refused(const exchange& x, transport::response r) {
  x.observe(r.status);
  return transport::respond{std::move(r)};
}

} // namespace

transport::outcome open_node_page(exchange_ptr x, const std::string& name, std::string_view path) {
  if (!x->server->cluster.state().get("nodes", {}, name))
    return refused(*x, answer(not_found("nodes", name)));
  if (x->method != "GET")
    return refused(*x, answer(405, "text/plain; charset=utf-8",
                              transport::payload(std::string{"405: Method Not Allowed\n"})));
  transport::stream s;
  s.start = [x, name, path = std::string{path}](std::shared_ptr<transport::response_stream> out,
                                                std::string) {
    x->server->cluster.show_page(name, path, [x, out](result<node_page> page) {
      const int status = page ? page->status : http_code(page.error());
      x->observe(status);
      if (out->write_head(status, page ? page->type : "application/json"))
        out->write(std::make_shared<const std::string>(page ? std::move(page->body)
                                                            : to_status_json(page.error())));
      out->close();
    });
  };
  return s;
}

} // namespace thespis::api::rest
