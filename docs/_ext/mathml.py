"""Formulas as MathML, which browsers draw by themselves: the site needs no script from elsewhere and works offline."""

from docutils import nodes
from docutils.utils.math import MathError
from docutils.utils.math.latex2mathml import tex2mathml
from sphinx.util import logging

LOGGER = logging.getLogger(__name__)


def write(writer, node, *, as_block):
    """Write a formula, or say where one cannot be read."""
    try:
        formula = tex2mathml(node.astext(), as_block=as_block)
    except MathError as error:
        LOGGER.warning("%s: %s", node.astext(), error, location=node)
        formula = node.astext()
    writer.body.append(f'<div class="formula">{formula}</div>' if as_block else formula)
    raise nodes.SkipNode


def visit_math(writer, node):
    """Write a formula within a line."""
    write(writer, node, as_block=False)


def visit_displaymath(writer, node):
    """Write a formula of its own."""
    write(writer, node, as_block=True)


def setup(app):
    """Tell Sphinx."""
    app.add_html_math_renderer("mathml", (visit_math, None), (visit_displaymath, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
