"""Publishing: a dataset or a mix as a repository of the Hugging Face Hub, with a card that says all about it."""

from synthem.publish.repository import write_repository
from synthem.publish.run import Published, publish

__all__ = ["Published", "publish", "write_repository"]
