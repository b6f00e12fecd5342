"""Words that no generated name may be: keywords of every language, and what the classes call their own."""

from __future__ import annotations

RESERVED = frozenset((
    "abstract", "alignas", "alignof", "and", "and_eq", "any", "array", "as", "asm", "assert",
    "associatedtype", "async", "auto", "await", "bitand", "bitor", "bool", "boolean", "break", "byte",
    "case", "catch", "char", "class", "close", "co_await", "co_return", "co_yield", "companion", "compl",
    "concept", "const", "consteval", "constexpr", "constinit", "continue", "decltype", "default", "defer",
    "deinit", "del", "delete", "do", "double", "dynamic", "elif", "else", "enum", "except", "explicit",
    "export", "extends", "extension", "extern", "fallthrough", "false", "fileprivate", "final", "finally",
    "float", "for", "friend", "from", "fun", "func", "global", "goto", "guard", "if", "implements",
    "import", "in", "indirect", "infix", "init", "inline", "inner", "inout", "inputs", "instanceof",
    "int", "interface", "internal", "interpreter", "is", "it", "labels", "lambda", "lateinit", "lazy",
    "let", "long", "match", "model", "mutable", "namespace", "native", "new", "nil", "noexcept", "none",
    "nonlocal", "not", "not_eq", "np", "null", "nullptr", "object", "open", "operator", "or", "or_eq",
    "out", "outputs", "override", "package", "pass", "postfix", "precedencegroup", "prefix",
    "preprocessing", "private", "protected", "protocol", "public", "raise", "ranked", "raw", "register",
    "reinterpret_cast", "repeat", "requires", "rethrows", "return", "run", "sealed", "self", "short",
    "signed", "sizeof", "static", "std", "strictfp", "string", "struct", "subscript", "super", "suspend",
    "switch", "synchronized", "tailrec", "template", "this", "thread_local", "threads", "throw", "throws",
    "transient", "true", "try", "type", "typealias", "typedef", "typeid", "typename", "typeof", "union",
    "unsigned", "using", "val", "values", "var", "vararg", "virtual", "void", "volatile", "wchar_t",
    "weak", "when", "where", "while", "with", "xor", "xor_eq", "yield",
))
