"""Publishing: a dataset or a mix as a repository of the Hugging Face Hub, with a card that says all about it."""

from synthem.publish.publish import Published, publish
from synthem.publish.repository import write_repository

__all__ = ["Published", "publish", "write_repository"]
