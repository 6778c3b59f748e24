"""The tools, one module for those that come from one registry."""

from . import compiled, golang, java, node, orms, perl, platforms, python

TOOLS = [*golang.TOOLS, *node.TOOLS, *orms.TOOLS, *python.TOOLS, *java.TOOLS, *perl.TOOLS, *compiled.TOOLS]
TOOLS += platforms.TOOLS
