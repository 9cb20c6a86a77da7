"""Parses files of examples/snippets in languages whose compilers are not here; prints where one has an error."""
import sys

import tree_sitter_c_sharp
import tree_sitter_dart_orchard
import tree_sitter_swift
from tree_sitter import Language, Parser

LANGUAGES = {"cs": tree_sitter_c_sharp, "dart": tree_sitter_dart_orchard, "swift": tree_sitter_swift}


def broken(node):
    if node.is_error or node.is_missing:
        yield node
    for child in node.children:
        yield from broken(child)


for name in sys.argv[1:]:
    language = Language(LANGUAGES[name.rsplit(".", 1)[1]].language())
    with open(name, "rb") as file:
        tree = Parser(language).parse(file.read())
    for node in broken(tree.root_node):
        print(f"{name}:{node.start_point[0] + 1}: this is not the language's grammar")
