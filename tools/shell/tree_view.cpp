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
  uint64_t id = 0;
  uint64_t parent = 0;
  std::string kind, name, state;
  uint64_t mailbox = 0;
};

uint64_t number(const json::value& v, std::string_view key) {
  const auto* found = json::find(v, key);
  return found != nullptr && found->IsUint64() ? found->GetUint64() : 0;
}

class forest {
public:
  forest(const json::value& answer, bool all, const screen& s) : all_{all}, screen_{s} {
    const auto* list = json::find(answer, "actors");
    if (list == nullptr || !list->IsArray())
      return;
    for (const auto& a : list->GetArray()) {
      node n{number(a, "id"), number(a, "parent"), {}, {}, {}, number(a, "mailbox")};
      n.kind = json::get_string(a, "kind");
      n.name = json::get_string(a, "name");
      n.state = json::get_string(a, "state");
      nodes_.emplace(n.id, std::move(n));
    }
    // Whose parent has ended, or is none of ours, stands at the root.
    for (const auto& [id, n] : nodes_)
      children_[nodes_.count(n.parent) > 0 ? n.parent : 0].push_back(&n);
    for (auto& [id, list_of] : children_)
      std::sort(list_of.begin(), list_of.end(), [](const node* a, const node* b) {
        return std::tie(a->kind, a->name, a->id) < std::tie(b->kind, b->name, b->id);
      });
  }

  std::string render(uint64_t root) {
    if (root == 0) {
      roots();
    } else if (const auto found = nodes_.find(root); found != nodes_.end()) {
      line("", found->second);
      below(root, "");
    }
    return std::move(out_);
  }

private:
  void roots() {
    each(0, "", [this](const std::string&, const node& n, bool) {
      line("", n);
      below(n.id, "");
    });
  }

  void below(uint64_t id, const std::string& indent) {
    each(id, indent + "   ", [&](const std::string&, const node& n, bool last) {
      line(indent + (last ? "└─ " : "├─ "), n);
      below(n.id, indent + (last ? "   " : "│  "));
    });
  }

  /// Calls `show` for the children of one kind after the other, and tells how many were left out.
  template <class Show>
  void each(uint64_t id, const std::string& indent, Show show) {
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
        more(id == 0 ? "" : indent.substr(0, indent.size() - 3), count - shown, list[begin]->kind,
             end == list.size(), id == 0);
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
    auto plain = display_width(lead) + n.kind.size() + 1 + n.name.size() + n.state.size() + 12;
    const auto room = screen_.width == 0 || plain <= screen_.width
                          ? n.name.size()
                          : n.name.size() - std::min(n.name.size(), plain - screen_.width);
    out_ += c.dim(lead) + c.accent(n.kind);
    if (!n.name.empty())
      out_ += " " + fit(n.name, std::max<size_t>(room, 1));
    out_ += " " + c.dim("#" + std::to_string(n.id));
    if (!n.state.empty())
      out_ += " " + c.good(n.state);
    if (n.mailbox > 0)
      out_ += " " + c.warning("mailbox " + grouped(n.mailbox));
    out_ += '\n';
  }

  const bool all_;
  const screen& screen_;
  std::map<uint64_t, node> nodes_;
  std::unordered_map<uint64_t, std::vector<const node*>> children_;
  std::string out_;
};

} // namespace

std::string show_tree(const json::value& answer, uint64_t root, bool all, const screen& s) {
  return forest{answer, all, s}.render(root);
}

} // namespace thespis::tools::shell
