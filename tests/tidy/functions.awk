# Prints "file:line: a function of N lines" for functions longer than `limit`. A heuristic on braces:
# a block is a function when the text before it holds a parameter list and does not declare a scope;
# blocks inside one, lambdas too, belong to it.

function scope_header(text) {
  return text ~ /^[ \t]*(inline[ \t]+)?namespace([^A-Za-z0-9_]|$)/ || \
         text ~ /(^|[^A-Za-z0-9_])(class|struct|union|enum)[ \t]+[^()]*$/ || text !~ /\(/
}

# The line without comments, strings and characters; multi-line comments and raw strings are skipped.
function code_of(line,    at, out) {
  out = ""
  while (line != "") {
    if (in_raw != "") {
      at = index(line, in_raw)
      if (!at) return out
      line = substr(line, at + length(in_raw))
      in_raw = ""
    } else if (in_comment) {
      at = index(line, "*/")
      if (!at) return out
      line = substr(line, at + 2)
      in_comment = 0
    } else if (match(line, /\/\/|\/\*|R"[A-Za-z_]*\(|"([^"\\]|\\.)*"|'([^'\\]|\\.[^']*)'/)) {
      out = out substr(line, 1, RSTART - 1)
      token = substr(line, RSTART, RLENGTH)
      line = substr(line, RSTART + RLENGTH)
      if (token == "//") return out
      if (token == "/*") in_comment = 1
      else if (token ~ /^R"/) in_raw = ")" substr(token, 3, length(token) - 3) "\""
      else out = out "0"
    } else {
      return out line
    }
  }
  return out
}

FNR == 1 { depth = 0; function_depth = 0; header = ""; in_comment = 0; in_raw = "" }

{
  continued = in_macro
  in_macro = 0
  if ($0 ~ /^[ \t]*#/ || continued) {
    in_macro = $0 ~ /\\$/
    next
  }
  text = code_of($0)
  while (match(text, /[{};]/)) {
    before = substr(text, 1, RSTART - 1)
    mark = substr(text, RSTART, 1)
    text = substr(text, RSTART + 1)
    header = header " " before
    if (mark == "{") {
      depth++
      if (!function_depth && !scope_header(header)) {
        function_depth = depth
        start = FNR
      }
    } else if (mark == "}") {
      if (function_depth == depth) {
        if (FNR - start + 1 > limit)
          printf "%s:%d: a function of %d lines; at most %d\n", FILENAME, start, FNR - start + 1, limit
        function_depth = 0
      }
      depth--
    }
    header = ""
  }
  header = header " " text
}
