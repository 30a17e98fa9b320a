// The supervision tree.
#include "tools/shell/view.hpp"

#include <algorithm>
#include <map>
#include <tuple>
#include <unordered_map>

namespace thespis::tools::shell {

namespace json = api::json;

namespace {

/// Of more brothers of one kind than this only `shown_of_many` are shown.
constexpr size_t many = 12;
constexpr size_t shown_of_many = 8;

struct node {
  std::string id, parent, kind, name, state;
  uint64_t mailbox = 0;
};

/// Whether a person means this actor by "machine-1/12", "12" or "pod/default/web-1".
bool is_meant(const node& n, std::string_view typed) {
  const std::string_view number{n.id.c_str() + n.id.rfind('/') + 1};
  return typed == n.id || typed == number || typed == n.kind + "/" + n.name ||
         (n.name.empty() && typed == n.kind);
}

/// In the order of the numbers, which is that of birth.
bool earlier(const std::string& a, const std::string& b) {
  return std::pair{a.size(), std::string_view{a}} < std::pair{b.size(), std::string_view{b}};
}

class forest {
public:
  forest(const json::value& answer, bool all, const screen& s) : all_{all}, screen_{s} {
    const auto* list = json::find(answer, "actors");
    if (list == nullptr || !list->IsArray())
      return;
    for (const auto& a : list->GetArray()) {
      node n{text_of(a, "id"),   text_of(a, "parent"), text_of(a, "kind"),
             text_of(a, "name"), text_of(a, "state"),  number_of(a, "mailbox")};
      nodes_.emplace(n.id, std::move(n));
    }
    // Whose parent has ended, or is none of ours, stands at the root.
    for (const auto& [id, n] : nodes_)
      children_[nodes_.count(n.parent) > 0 ? n.parent : std::string{}].push_back(&n);
    for (auto& [id, list_of] : children_)
      std::sort(list_of.begin(), list_of.end(), [](const node* a, const node* b) {
        return std::tie(a->kind, a->name) != std::tie(b->kind, b->name)
                   ? std::tie(a->kind, a->name) < std::tie(b->kind, b->name)
                   : earlier(a->id, b->id);
      });
  }

  std::string render(const std::string& root) {
    if (root.empty())
      roots();
    for (const auto& [id, n] : nodes_)
      if (!root.empty() && is_meant(n, root)) {
        line("", n);
        below(id, "");
      }
    return std::move(out_);
  }

private:
  void roots() {
    each({}, "", [this](const std::string&, const node& n, bool) {
      line("", n);
      below(n.id, "");
    });
  }

  void below(const std::string& id, const std::string& indent) {
    each(id, indent + "   ", [&](const std::string&, const node& n, bool last) {
      line(indent + (last ? "└─ " : "├─ "), n);
      below(n.id, indent + (last ? "   " : "│  "));
    });
  }

  /// Calls `show` for the children of one kind after the other, and tells how many were left out.
  template <class Show>
  void each(const std::string& id, const std::string& indent, Show show) {
    const auto found = children_.find(id);
    if (found == children_.end())
      return;
    const auto& list = found->second;
    for (size_t begin = 0; begin < list.size();) {
      size_t end = begin;
      while (end < list.size() && list[end]->kind == list[begin]->kind)
        ++end;
      const auto count = end - begin;
      const auto shown = all_ || count <= many ? count : shown_of_many;
      for (size_t i = begin; i < begin + shown; ++i)
        show(indent, *list[i], i + 1 == list.size());
      if (shown < count)
        more(id.empty() ? "" : indent.substr(0, indent.size() - 3), count - shown,
             list[begin]->kind, end == list.size(), id.empty());
      begin = end;
    }
  }

  void more(const std::string& indent, size_t count, const std::string& kind, bool last,
            bool at_root) {
    const auto branch = at_root ? "" : last ? "└─ " : "├─ ";
    out_ += screen_.colours.dim(indent + branch + "… " + grouped(count) + " more " + kind) + "\n";
  }

  void line(const std::string& lead, const node& n) {
    const auto& c = screen_.colours;
    auto plain =
        display_width(lead) + n.kind.size() + 1 + n.name.size() + n.state.size() + n.id.size() + 12;
    const auto room = screen_.width == 0 || plain <= screen_.width
                          ? n.name.size()
                          : n.name.size() - std::min(n.name.size(), plain - screen_.width);
    out_ += c.dim(lead) + c.accent(n.kind);
    if (!n.name.empty())
      out_ += " " + fit(n.name, std::max<size_t>(room, 1));
    out_ += " " + c.dim(n.id);
    if (!n.state.empty())
      out_ += " " + c.good(n.state);
    if (n.mailbox > 0)
      out_ += " " + c.warning("mailbox " + grouped(n.mailbox));
    out_ += '\n';
  }

  const bool all_;
  const screen& screen_;
  std::map<std::string, node> nodes_;
  std::unordered_map<std::string, std::vector<const node*>> children_;
  std::string out_;
};

} // namespace

std::string show_tree(const json::value& answer, const std::string& root, bool all,
                      const screen& s) {
  return forest{answer, all, s}.render(root);
}

} // namespace thespis::tools::shell
